#include "handshake.h"

#include "wire.h"

int handshake_send(int socket, uint64_t kind, const struct failure *failure, const int *fds, size_t count)
{
	struct iovec parts[2] = { { &kind, sizeof(kind) }, { (void *)(uintptr_t)failure, sizeof(*failure) } };
	return wire_send(socket, parts, failure == NULL ? 1 : 2, fds, count, 0) > 0 ? 0 : -1;
}

/* Bytes received, 0 at the end, -1 with errno. `*count` is the room in `fds`, then how many came. */
static ssize_t receive(int socket, struct handshake_message *message, int *fds, size_t *count, int flags)
{
	struct iovec part = { message, sizeof(*message) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_DESCRIPTORS)];
	} control;
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
	ssize_t size;
	/* ECONNRESET says only that the other end left something unread; what it sent before is still there. */
	do {
		header.msg_controllen = sizeof(control);
		size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
	} while (size < 0 && (errno == EINTR || errno == ECONNRESET));
	size_t came = 0, room = *count;
	if (size > 0 && CMSG_FIRSTHDR(&header) != NULL)
		came = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	*count = came < room ? came : room;
	if (*count > 0)
		memcpy(fds, CMSG_DATA(&control.header), *count * sizeof(int));
	return size;
}

int handshake_await(int socket, uint64_t kind, int *fds, size_t *count)
{
	struct handshake_message message = { 0 };
	ssize_t size = receive(socket, &message, fds, count, 0);
	if (size > 0 && message.kind == kind)
		return 0;
	if (size >= 0)
		errno = size == 0 ? EPIPE : EPROTO;
	return -1;
}

int handshake_receive(int socket, struct handshake_message *message, int *fd)
{
	size_t count = 1;
	*fd = -1;
	ssize_t size = receive(socket, message, fd, &count, MSG_DONTWAIT);
	return size > 0 ? 1 : (int)size;
}
