/*
 * Both ends of a conversation whose answer says who asked: what an address became on its way is then plain.
 *
 *     talk serve PROTOCOL:[ADDRESS,]PORT...
 *     talk ask [-4|-6] [-k] [-s SOURCE] [-t MILLISECONDS] PROTOCOL HOST PORT
 *     talk tell SOURCE HOST PORT
 *
 * serve: prints "ready" when it listens, then a line "PROTOCOL PEER LOCAL" for each connection and datagram. Each
 * line (tcp) and each datagram (udp) is answered by "PEER LOCAL", PEER being the address asked from, LOCAL the one
 * asked. Without ADDRESS it listens on all of both families.
 * ask: asks, prints the answer, and exits 0; otherwise it prints why not ("connect ECONNREFUSED", "answer ETIMEDOUT",
 * …) and exits 1. -k: over one connection (one port, for udp) every 10 ms until stdin ends.
 * tell: one datagram under a SOURCE that need not be its own (IP_TRANSPARENT); it waits for no answer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 4096

enum kind { LISTENER, CONNECTION, DATAGRAM };

static struct pollfd polled[MOST];
static enum kind kinds[MOST];
static int count;

/* musl has no strerrorname_np(3); these are what a network answers. */
static const char *name_of(int error)
{
	static char number[32];
	switch (error) {
	case ECONNREFUSED: return "ECONNREFUSED";
	case ECONNRESET: return "ECONNRESET";
	case EHOSTUNREACH: return "EHOSTUNREACH";
	case ENETUNREACH: return "ENETUNREACH";
	case ETIMEDOUT: return "ETIMEDOUT";
	case EADDRINUSE: return "EADDRINUSE";
	case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
	case EACCES: return "EACCES";
	case EPERM: return "EPERM";
	case EINVAL: return "EINVAL";
	}
	snprintf(number, sizeof(number), "errno %d", error);
	return number;
}

static void die(const char *what)
{
	printf("%s %s\n", what, name_of(errno));
	exit(1);
}

static void on(int fd, int level, int option)
{
	int one = 1;
	if (setsockopt(fd, level, option, &one, sizeof(one)))
		die("setsockopt");
}

/* An address without its port; one of IPv4 within IPv6 as IPv4. */
static const char *text(const struct sockaddr_storage *address, char *into)
{
	const void *bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (address->ss_family == AF_INET)
		bytes = &((const struct sockaddr_in *)address)->sin_addr;
	return inet_ntop(address->ss_family, bytes, into, INET6_ADDRSTRLEN) ? into : "?";
}

static void watch(int fd, enum kind kind)
{
	if (count == MOST)
		exit(3);
	polled[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	kinds[count++] = kind;
}

static int say(char *into, size_t size, const struct sockaddr_storage *peer, const struct sockaddr_storage *local)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	return snprintf(into, size, "%s %s\n", text(peer, a), text(local, b));
}

static void note(const char *protocol, const struct sockaddr_storage *peer, const struct sockaddr_storage *local)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	printf("%s %s %s\n", protocol, text(peer, a), text(local, b));
}

static void accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return; /* whoever asked has left again */
	struct sockaddr_storage peer, local;
	socklen_t size = sizeof(peer), other = sizeof(local);
	if (getpeername(fd, (struct sockaddr *)&peer, &size) || getsockname(fd, (struct sockaddr *)&local, &other)) {
		close(fd);
		return;
	}
	note("tcp", &peer, &local);
	watch(fd, CONNECTION);
}

/* False when the connection has ended. */
static int answer_lines(int fd)
{
	char line[4096];
	ssize_t got = read(fd, line, sizeof(line));
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	struct sockaddr_storage peer, local;
	socklen_t size = sizeof(peer), other = sizeof(local);
	if (getpeername(fd, (struct sockaddr *)&peer, &size) || getsockname(fd, (struct sockaddr *)&local, &other))
		return 0;
	for (ssize_t i = 0; i < got; i++) {
		char answer[1024];
		if (line[i] == '\n' && send(fd, answer, say(answer, sizeof(answer), &peer, &local), MSG_NOSIGNAL) < 0)
			return 0;
	}
	return 1;
}

/* The answer leaves from the address that was asked: a host with several would else choose one. */
static void answer_datagram(int fd)
{
	char bytes[2048], answer[1024];
	union { char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))]; struct cmsghdr align; } control = { 0 };
	struct sockaddr_storage peer = { 0 }, local = { 0 };
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	if (recvmsg(fd, &message, 0) < 0)
		return; /* an ICMP error of an earlier answer */
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head)
		exit(4);
	local.ss_family = peer.ss_family;
	if (head->cmsg_level == IPPROTO_IP) {
		struct in_pktinfo *where = (struct in_pktinfo *)CMSG_DATA(head);
		((struct sockaddr_in *)&local)->sin_addr = where->ipi_addr;
		where->ipi_spec_dst = where->ipi_addr;
		where->ipi_ifindex = 0;
	} else {
		struct in6_pktinfo *where = (struct in6_pktinfo *)CMSG_DATA(head);
		((struct sockaddr_in6 *)&local)->sin6_addr = where->ipi6_addr;
		if (!IN6_IS_ADDR_LINKLOCAL(&where->ipi6_addr))
			where->ipi6_ifindex = 0;
	}
	note("udp", &peer, &local);
	part = (struct iovec){ answer, (size_t)say(answer, sizeof(answer), &peer, &local) };
	(void)sendmsg(fd, &message, MSG_NOSIGNAL); /* whoever asked may be gone */
}

static void listen_on(const char *protocol, const struct addrinfo *where)
{
	int udp = !strcmp(protocol, "udp");
	int fd = socket(where->ai_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return;
	if (fd < 0)
		die("socket");
	if (where->ai_family == AF_INET6)
		on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (udp)
		on(fd, where->ai_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		   where->ai_family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO);
	if (bind(fd, where->ai_addr, where->ai_addrlen))
		die("bind");
	if (!udp && listen(fd, 1024))
		die("listen");
	watch(fd, udp ? DATAGRAM : LISTENER);
}

static int serve(char **specs)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; *specs; specs++) {
		char *protocol = strdup(*specs), *port = strchr(protocol, ':'), *address = NULL;
		if (!port)
			return 2;
		*port++ = 0;
		char *comma = strchr(port, ',');
		if (comma) {
			address = port;
			*comma = 0;
			port = comma + 1;
		}
		struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
					  .ai_socktype = SOCK_STREAM }, *found;
		if (getaddrinfo(address, port, &hints, &found))
			return 2;
		for (; found; found = found->ai_next)
			listen_on(protocol, found);
	}
	puts("ready");
	for (;;) {
		if (poll(polled, (nfds_t)count, -1) < 0)
			die("poll");
		for (int i = count - 1; i >= 0; i--) {
			if (!polled[i].revents)
				continue;
			if (kinds[i] == LISTENER)
				accept_one(polled[i].fd);
			else if (kinds[i] == DATAGRAM)
				answer_datagram(polled[i].fd);
			else if (!answer_lines(polled[i].fd)) {
				close(polled[i].fd);
				polled[i] = polled[--count];
				kinds[i] = kinds[count];
			}
		}
	}
}

/* What `source` says, bound to `fd`; `foreign`: it need not be an address of this host. */
static void bind_to(int fd, int family, const char *source, int foreign)
{
	struct addrinfo hints = { .ai_family = family, .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM }, *found;
	if (getaddrinfo(source, NULL, &hints, &found))
		exit(2);
	if (foreign)
		on(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		   family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT);
	if (bind(fd, found->ai_addr, found->ai_addrlen))
		die("bind");
}

static void wait_for(const char *what, int fd, short events, int milliseconds)
{
	struct pollfd one = { .fd = fd, .events = events };
	int ready = poll(&one, 1, milliseconds);
	if (ready < 0)
		die("poll");
	if (ready == 0) {
		errno = ETIMEDOUT;
		die(what);
	}
}

static int open_to(int udp, const struct addrinfo *where, const char *source, int milliseconds)
{
	int error = 0;
	socklen_t size = sizeof(error);
	int fd = socket(where->ai_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	if (source)
		bind_to(fd, where->ai_family, source, 0);
	if (connect(fd, where->ai_addr, where->ai_addrlen) && errno != EINPROGRESS)
		die("connect");
	wait_for("connect", fd, POLLOUT, milliseconds);
	if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) && error) {
		errno = error;
		die("connect");
	}
	return fd;
}

/* One question and its answer, which is put into `answer`; its size. */
static ssize_t exchange(int fd, char *answer, size_t size, int milliseconds)
{
	if (send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		die("send");
	wait_for("answer", fd, POLLIN, milliseconds);
	ssize_t got = recv(fd, answer, size, 0);
	if (got == 0)
		errno = ECONNRESET;
	if (got <= 0)
		die("answer");
	return got;
}

static int ask(int argc, char **argv)
{
	const char *source = NULL;
	int family = AF_UNSPEC, milliseconds = 20000, keep = 0, option;
	while ((option = getopt(argc, argv, "46ks:t:")) != -1) {
		if (option == '4' || option == '6')
			family = option == '4' ? AF_INET : AF_INET6;
		else if (option == 'k')
			keep = 1;
		else if (option == 's')
			source = optarg;
		else if (option == 't')
			milliseconds = atoi(optarg);
		else
			return 2;
	}
	if (argc - optind != 3)
		return 2;
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found;
	int error = getaddrinfo(argv[optind + 1], argv[optind + 2], &hints, &found);
	if (error) {
		printf("resolve %s\n", gai_strerror(error));
		return 1;
	}
	int fd = open_to(!strcmp(argv[optind], "udp"), found, source, milliseconds);
	char answer[2048];
	ssize_t got = exchange(fd, answer, sizeof(answer), milliseconds);
	struct pollfd end = { .fd = 0, .events = POLLIN };
	while (keep && poll(&end, 1, 10) == 0)
		got = exchange(fd, answer, sizeof(answer), milliseconds);
	return fwrite(answer, 1, (size_t)got, stdout) == (size_t)got ? 0 : 2;
}

static int tell(const char *source, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM }, *found;
	if (getaddrinfo(host, port, &hints, &found))
		return 2;
	int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	bind_to(fd, found->ai_family, source, 1);
	if (sendto(fd, "\n", 1, MSG_NOSIGNAL, found->ai_addr, found->ai_addrlen) != 1)
		die("send");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argv + 2);
	if (argc > 2 && !strcmp(argv[1], "ask"))
		return ask(argc - 1, argv + 1);
	if (argc == 5 && !strcmp(argv[1], "tell"))
		return tell(argv[2], argv[3], argv[4]);
	fputs("usage: talk serve SPEC... | ask PROTOCOL HOST PORT | tell SOURCE HOST PORT\n", stderr);
	return 2;
}
