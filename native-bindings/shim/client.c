/* Connections: taking frames apart as they come, and sending without ever blocking. */
#define _GNU_SOURCE
#include "client.h"

#include "process.h"
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* A client that asks without reading the answers is not read from while more than this waits for it. */
#define UNREAD_ANSWERS (64 * 1024)
/* Reads per turn, so that one busy client does not keep the others waiting. */
#define READS_PER_TURN 4
/* One whole frame of the largest stdin message fits. */
#define READ_SIZE (MAX_DATA + HEADER_SIZE)

_Static_assert(READ_SIZE <= SCRATCH_SIZE, "a read fits into the scratch memory");

static bool wants_to_read(const struct client *client)
{
	if (client->dead || client->close_by != 0)
		return false;
	if (client->process == NULL)
		return queue_size(&client->queue) <= UNREAD_ANSWERS;
	return queue_size(&client->process->input.queue) <= INPUT_BYTES;
}

void client_watch(struct shim *shim, struct client *client)
{
	if (client->dead)
		return;
	uint32_t events = wants_to_read(client) ? EPOLLIN : 0;
	if (queue_size(&client->queue) > 0)
		events |= EPOLLOUT;
	watch_set(shim, &client->watch, events);
}

/* The other end is gone: what is queued will never be taken. */
static void go_deaf(struct shim *shim, struct client *client)
{
	client->deaf = true;
	queue_clear(&client->queue);
	if (client->close_by != 0)
		client->dead = true;
	if (client->process != NULL)
		stream_resume(shim, client->process);
}

/* Bytes written, 0 where none can be now, -1 where none ever will. */
static ssize_t send_now(struct client *client, struct iovec *parts, size_t count, int descriptor)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	if (descriptor >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &descriptor, sizeof(int));
	}
	ssize_t sent;
	do
		sent = sendmsg(client->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
		return 0;
	return sent;
}

static void drop_passing(struct client *client)
{
	if (client->passing >= 0)
		(void)close(client->passing);
	client->passing = -1;
}

static void flush(struct shim *shim, struct client *client)
{
	while (queue_size(&client->queue) > 0) {
		bool pass = client->passing >= 0 && client->passing_after == 0;
		size_t most = queue_size(&client->queue);
		if (client->passing >= 0 && !pass && most > client->passing_after)
			most = client->passing_after;
		struct iovec part = {.iov_base = client->queue.bytes + client->queue.start, .iov_len = most};
		ssize_t sent = send_now(client, &part, 1, pass ? client->passing : -1);
		if (sent < 0) {
			go_deaf(shim, client);
			return;
		}
		if (sent == 0)
			return;
		if (pass)
			drop_passing(client);
		else if (client->passing >= 0)
			client->passing_after -= (size_t)sent;
		queue_take(&client->queue, (size_t)sent);
		if (client->close_by != 0)
			client->close_by = now_ms() + LINGER_MS; /* it does read */
	}
	if (client->close_by != 0)
		client->dead = true;
	if (client->process != NULL)
		stream_resume(shim, client->process);
}

static void enqueue(struct client *client, const uint8_t *bytes, size_t size)
{
	/* Without memory the stream would have a hole: better no connection. */
	if (!queue_push(&client->queue, bytes, size))
		client->dead = true;
}

void client_send(struct shim *shim, struct client *client, const uint8_t *head, size_t head_size, const uint8_t *body,
                 size_t body_size)
{
	if (client->dead || client->deaf)
		return;
	size_t sent = 0;
	if (queue_size(&client->queue) == 0) {
		struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)head, .iov_len = head_size},
		                         {.iov_base = (void *)(uintptr_t)body, .iov_len = body_size}};
		ssize_t count = send_now(client, parts, body_size > 0 ? 2 : 1, -1);
		if (count < 0) {
			go_deaf(shim, client);
			return;
		}
		sent = (size_t)count;
		if (sent == head_size + body_size)
			return;
	}
	if (sent < head_size)
		enqueue(client, head + sent, head_size - sent);
	size_t of_body = sent > head_size ? sent - head_size : 0;
	enqueue(client, body + of_body, body_size - of_body);
	client_watch(shim, client);
}

void client_send_frame(struct shim *shim, struct client *client, struct wire_writer *writer)
{
	wire_finish(writer);
	client_send(shim, client, writer->bytes, writer->used, writer->bytes + writer->used, 0);
}

void client_tell(struct shim *shim, struct client *client, uint16_t type, uint32_t tag, const char *text,
                 const uint64_t *numbers, size_t count)
{
	struct wire_writer writer;
	wire_begin(&writer, type, tag);
	if (text != NULL)
		wire_write_str(&writer, text);
	for (size_t i = 0; i < count; i++)
		wire_write_u64(&writer, numbers[i]);
	client_send_frame(shim, client, &writer);
}

int client_pass(struct shim *shim, struct client *client, struct wire_writer *writer, int descriptor)
{
	if (client->passing >= 0) {
		errno = EBUSY;
		return -1;
	}
	client->passing = dup(descriptor);
	if (client->passing < 0)
		return -1;
	client->passing_after = queue_size(&client->queue);
	wire_finish(writer);
	enqueue(client, writer->bytes, writer->used);
	flush(shim, client);
	client_watch(shim, client);
	return 0;
}

void client_close_soon(struct shim *shim, struct client *client)
{
	if (client->close_by != 0)
		return;
	client->close_by = now_ms() + LINGER_MS;
	if (queue_size(&client->queue) == 0)
		client->dead = true;
	client_watch(shim, client);
}

static bool accept_header(struct shim *shim, struct client *client, const struct wire_header *header)
{
	const char *refusal = request_refuse_header(client, header);
	if (refusal == NULL)
		return true;
	request_garbled(shim, client, header->tag, refusal);
	return false;
}

/* Frames that lie in `bytes` whole are handled where they lie; the beginning of one is kept. */
static void take_apart(struct shim *shim, struct client *client, const uint8_t *bytes, size_t size)
{
	while (size > 0 && !client->dead && client->close_by == 0) {
		if (size < HEADER_SIZE) {
			memcpy(client->header, bytes, size);
			client->held = size;
			return;
		}
		struct wire_header header = wire_get_header(bytes);
		if (!accept_header(shim, client, &header))
			return;
		if (size - HEADER_SIZE < header.size) {
			client->payload = pages_map(header.size);
			if (client->payload == NULL) {
				client->dead = true;
				return;
			}
			memmove(client->header, bytes, HEADER_SIZE);
			memcpy(client->payload, bytes + HEADER_SIZE, size - HEADER_SIZE);
			client->held = size;
			return;
		}
		request_handle(shim, client, &header, bytes + HEADER_SIZE);
		bytes += HEADER_SIZE + header.size;
		size -= HEADER_SIZE + header.size;
	}
}

/* More of the frame that has begun; not a byte beyond it. What read(2) says. */
static ssize_t read_rest(struct shim *shim, struct client *client)
{
	if (client->held < HEADER_SIZE) {
		ssize_t count = read(client->watch.fd, client->header + client->held, HEADER_SIZE - client->held);
		if (count <= 0)
			return count;
		client->held += (size_t)count;
		if (client->held < HEADER_SIZE)
			return count;
		client->held = 0;
		take_apart(shim, client, client->header, HEADER_SIZE);
		return count;
	}
	struct wire_header header = wire_get_header(client->header);
	size_t have = client->held - HEADER_SIZE;
	ssize_t count = read(client->watch.fd, client->payload + have, header.size - have);
	if (count <= 0)
		return count;
	client->held += (size_t)count;
	if (client->held < HEADER_SIZE + header.size)
		return count;
	uint8_t *payload = client->payload;
	client->payload = NULL;
	client->held = 0;
	request_handle(shim, client, &header, payload);
	pages_unmap(payload, header.size);
	return count;
}

static void receive(struct shim *shim, struct client *client)
{
	for (int turn = 0; turn < READS_PER_TURN && wants_to_read(client); turn++) {
		uint8_t *scratch = scratch_get(shim, SCRATCH_INPUT);
		if (scratch == NULL) {
			client->dead = true;
			return;
		}
		bool begun = client->held > 0;
		ssize_t count = begun ? read_rest(shim, client) : read(client->watch.fd, scratch, READ_SIZE);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		if (count <= 0) {
			client->dead = true;
			return;
		}
		if (begun)
			continue;
		take_apart(shim, client, scratch, (size_t)count);
		if ((size_t)count < READ_SIZE)
			return;
	}
}

static void ready(struct shim *shim, struct watch *watch, uint32_t events)
{
	struct client *client = CONTAINER_OF(watch, struct client, watch);
	if (events & EPOLLOUT)
		flush(shim, client);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		if (wants_to_read(client))
			receive(shim, client);
		else if ((events & EPOLLIN) == 0)
			go_deaf(shim, client);
	}
	client_watch(shim, client);
}

void client_accept(struct shim *shim, struct watch *listener, uint32_t events)
{
	(void)events;
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Out of descriptors or memory: the listener stays readable, so look away until somebody leaves. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			watch_set(shim, listener, 0);
		return;
	}
	struct client *client = calloc(1, sizeof(*client));
	if (client == NULL) {
		(void)close(fd);
		return;
	}
	client->watch = (struct watch){.fd = fd, .ready = ready};
	client->passing = -1;
	client->next = shim->clients;
	shim->clients = client;
	shim->alone_since = 0;
	const uint64_t hello[] = {PROTOCOL_VERSION, (uint64_t)getpid()};
	client_tell(shim, client, MESSAGE_SHIM_HELLO, 0, NULL, hello, 2);
	client_watch(shim, client);
}

static void client_free(struct shim *shim, struct client *client)
{
	/* Closing a socket with unread bytes in it resets it under the other end's last reads. */
	uint8_t *scratch = scratch_get(shim, SCRATCH_INPUT);
	for (int turn = 0; scratch != NULL && turn < READS_PER_TURN; turn++) {
		if (recv(client->watch.fd, scratch, SCRATCH_SIZE, MSG_DONTWAIT) <= 0)
			break;
	}
	watch_close(shim, &client->watch);
	if (client->payload != NULL)
		pages_unmap(client->payload, wire_get_header(client->header).size);
	queue_clear(&client->queue);
	drop_passing(client);
	free(client);
	watch_set(shim, &shim->listener, EPOLLIN);
}

void clients_sweep(struct shim *shim)
{
	uint64_t now = 0;
	for (struct client **link = &shim->clients; *link != NULL;) {
		struct client *client = *link;
		if (client->close_by != 0 && !client->dead) {
			now = now != 0 ? now : now_ms();
			client->dead = now >= client->close_by;
		}
		if (!client->dead) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		for (struct process *process = shim->processes, *next; process != NULL; process = next) {
			next = process->next;
			process_without(shim, process, client);
		}
		client_free(shim, client);
	}
	if (shim->clients == NULL && shim->alone_since == 0)
		shim->alone_since = now_ms();
}
