/* Connections: taking frames apart as they come, and sending without ever blocking. */
#include "client.h"

#include "process.h"

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
	const struct process *process = client->process;
	/* Output alone never queues up as much: it is held back or cut off. */
	if (queue_size(&client->queue) > UNREAD_ANSWERS + (process == NULL ? 0 : 4 * SLOW_BYTES))
		return false;
	return process == NULL || queue_size(&process->input.queue) <= INPUT_BYTES;
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
static ssize_t send_now(struct client *client, struct iovec *parts, size_t count, const int *descriptor)
{
	ssize_t sent = wire_send(client->watch.fd, parts, count, descriptor, descriptor == NULL ? 0 : 1, MSG_DONTWAIT);
	return sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) ? 0 : sent;
}

static void flush(struct shim *shim, struct client *client)
{
	while (queue_size(&client->queue) > 0) {
		bool pass = client->passing >= 0 && client->passing_after == 0;
		size_t most = queue_size(&client->queue);
		if (client->passing >= 0 && !pass && most > client->passing_after)
			most = client->passing_after;
		struct iovec part = {.iov_base = client->queue.bytes + client->queue.start, .iov_len = most};
		ssize_t sent = send_now(client, &part, 1, pass ? &client->passing : NULL);
		if (sent < 0)
			go_deaf(shim, client);
		if (sent <= 0)
			return;
		if (pass)
			close_and_forget(&client->passing);
		else
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
		ssize_t count = send_now(client, parts, 2, NULL);
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
	errno = EBUSY;
	if (client->passing >= 0)
		return -1;
	client->passing = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
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

/* How many bytes the frame at `bytes` has as far as is known: at least its header. */
static size_t frame_size(const uint8_t *bytes, size_t size)
{
	return size < HEADER_SIZE ? HEADER_SIZE : HEADER_SIZE + (size_t)wire_get_header(bytes).size;
}

/* Handles the frames that lie in `bytes` whole; how many bytes those were. */
static size_t take_apart(struct shim *shim, struct client *client, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	while (size - done >= HEADER_SIZE && !client->dead && client->close_by == 0) {
		struct wire_header header = wire_get_header(bytes + done);
		const char *refusal = request_refuse_header(client, &header);
		if (refusal != NULL)
			request_garbled(shim, client, header.tag, refusal);
		if (refusal != NULL || size - done < HEADER_SIZE + (size_t)header.size)
			break;
		request_handle(shim, client, &header, bytes + done + HEADER_SIZE);
		done += HEADER_SIZE + (size_t)header.size;
	}
	return done;
}

/*
 * Frames are handled where they were read to. The beginning of one that is not here whole is kept, and then no more
 * is read than its rest, so that what follows comes whole again.
 */
static void receive(struct shim *shim, struct client *client)
{
	struct queue *begun = &client->begun;
	for (int turn = 0; turn < READS_PER_TURN && wants_to_read(client); turn++) {
		uint8_t *bytes = scratch_get(shim, SCRATCH_INPUT);
		size_t held = queue_size(begun);
		size_t room = held == 0 ? READ_SIZE : frame_size(begun->bytes, held) - held;
		ssize_t count = bytes == NULL ? 0 : read(client->watch.fd, bytes, room < READ_SIZE ? room : READ_SIZE);
		if (count < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		size_t size = count > 0 ? (size_t)count : 0;
		if (size > 0 && held > 0) {
			client->dead = !queue_push(begun, bytes, size);
			queue_take(begun, take_apart(shim, client, begun->bytes, queue_size(begun)));
		} else if (size > 0) {
			size_t done = take_apart(shim, client, bytes, size);
			client->dead |= !queue_push(begun, bytes + done, size - done);
		} else {
			client->dead = true;
		}
		if (held == 0 && size < READ_SIZE)
			return;
	}
}

static void ready(struct shim *shim, struct watch *watch)
{
	uint32_t events = watch->happened;
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

int client_adopt(struct shim *shim, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	if (client == NULL) {
		(void)close(fd);
		return -1;
	}
	client->watch = (struct watch){.fd = fd, .ready = ready};
	client->passing = -1;
	client->next = shim->clients;
	shim->clients = client;
	shim->alone_since = 0;
	const uint64_t hello[] = {PROTOCOL_VERSION, (uint64_t)getpid()};
	client_tell(shim, client, MESSAGE_SHIM_HELLO, 0, NULL, hello, 2);
	client_watch(shim, client);
	return 0;
}

void client_accept(struct shim *shim, struct watch *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		(void)client_adopt(shim, fd);
	/* Out of descriptors or memory: the listener stays readable, so look away until somebody leaves. */
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		watch_set(shim, listener, 0);
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
	queue_clear(&client->begun);
	queue_clear(&client->queue);
	close_and_forget(&client->passing);
	free(client);
	watch_set(shim, &shim->listener, EPOLLIN);
}

void clients_sweep(struct shim *shim)
{
	for (struct client **link = &shim->clients; *link != NULL;) {
		struct client *client = *link;
		if (!client->dead && (client->close_by == 0 || now_ms() < client->close_by)) {
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
