#define _GNU_SOURCE
#include "handshake.h"

#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union ancillary {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * PLAN_MAX_JOINS)];
};

int handshake_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int send_message(int socket, const void *bytes, size_t size, const int *fds, size_t count)
{
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	union ancillary ancillary = { 0 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count > 0) {
		message.msg_control = &ancillary;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		ancillary.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		ancillary.header.cmsg_level = SOL_SOCKET;
		ancillary.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&ancillary.header), fds, sizeof(int) * count);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

static int send_kind(int socket, uint32_t kind, const int *fds, size_t count)
{
	return send_message(socket, &kind, sizeof(kind), fds, count);
}

int handshake_send_settled(int socket, const int *tasks, size_t count)
{
	return send_kind(socket, HANDSHAKE_SETTLED, tasks, count);
}

int handshake_send_terminal(int socket, int master)
{
	return send_kind(socket, HANDSHAKE_TERMINAL, &master, 1);
}

int handshake_send_created(int socket)
{
	return send_kind(socket, HANDSHAKE_CREATED, NULL, 0);
}

int handshake_send_go(int socket)
{
	return send_kind(socket, HANDSHAKE_GO, NULL, 0);
}

int handshake_send_failed(int socket, const struct failure *failure)
{
	struct handshake_message message = { .kind = HANDSHAKE_FAILED, .failure = *failure };
	return send_message(socket, &message, sizeof(message), NULL, 0);
}

/* Bytes received, 0 at the end, -1 with errno. `*count` is the room in `fds`, then how many came. */
static ssize_t receive(int socket, struct handshake_message *message, int *fds, size_t *count, int flags)
{
	struct iovec part = { message, sizeof(*message) };
	union ancillary ancillary;
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof(ancillary)
	};
	ssize_t size;
	/* ECONNRESET says only that the other end left something unread; what it sent before is still there. */
	do {
		header.msg_controllen = sizeof(ancillary);
		size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
	} while (size < 0 && (errno == EINTR || errno == ECONNRESET));
	size_t room = *count;
	*count = 0;
	if (size <= 0)
		return size;
	struct cmsghdr *control = CMSG_FIRSTHDR(&header);
	if (control != NULL && control->cmsg_type == SCM_RIGHTS) {
		size_t came = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < came; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
			if (i < room)
				fds[(*count)++] = fd;
			else
				(void)close(fd);
		}
	}
	return size;
}

static int await_kind(int socket, uint32_t kind, int *fds, size_t *count)
{
	struct handshake_message message = { 0 };
	ssize_t size = receive(socket, &message, fds, count, 0);
	if (size == 0)
		errno = EPIPE;
	if (size <= 0)
		return -1;
	if (message.kind == kind)
		return 0;
	errno = EPROTO;
	return -1;
}

int handshake_await_settled(int socket, int *tasks, size_t *count)
{
	return await_kind(socket, HANDSHAKE_SETTLED, tasks, count);
}

int handshake_await_go(int socket)
{
	size_t none = 0;
	return await_kind(socket, HANDSHAKE_GO, NULL, &none);
}

int handshake_receive(int socket, struct handshake_message *message, int *master)
{
	size_t count = 1;
	*master = -1;
	ssize_t size = receive(socket, message, master, &count, MSG_DONTWAIT);
	if (size <= 0)
		return (int)size;
	if (message->kind == HANDSHAKE_FAILED && size != sizeof(*message)) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}
