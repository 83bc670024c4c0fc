/*
 * What listens on a console socket or is a seccomp agent, for tests: receiver SOCKET console|listener
 *
 * Prints a line "ready", then takes one connection with one message and prints its text as a line. Of a console the
 * output that comes is printed until it is hung up. Of a listener one system call is taken, "call NUMBER" printed,
 * and answered with EXDEV.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int receive(int connection)
{
	static char text[1 << 16];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd = -1;
	if (recvmsg(connection, &message, 0) <= 0 || CMSG_FIRSTHDR(&message) == NULL)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	printf("%s\n", text);
	return fd;
}

static int serve_console(int master)
{
	char text[4096];
	ssize_t size;
	while ((size = read(master, text, sizeof(text))) > 0)
		(void)fwrite(text, 1, (size_t)size, stdout);
	return 0;
}

static int serve_listener(int listener)
{
	struct seccomp_notif call = { 0 };
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
		return 1;
	printf("call %d\n", call.data.nr);
	struct seccomp_notif_resp answer = { .id = call.id, .error = -EXDEV };
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	memcpy(address.sun_path, argv[1], strlen(argv[1]));
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 1) != 0)
		return 3;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	int fd = receive(accept(listener, NULL, NULL));
	if (fd < 0)
		return 4;
	return strcmp(argv[2], "console") == 0 ? serve_console(fd) : serve_listener(fd);
}
