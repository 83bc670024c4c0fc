/* The stdio of a process. */
#include "stream.h"

#include "process.h"

/* More in the pipe, fewer turns of the loop; its memory is only taken where it is filled. */
#define PIPE_BYTES (256 * 1024)
/* At the end a process in the background may still write: what a pipe or a terminal holds is less than this. */
#define DRAIN_BYTES (1024 * 1024)

_Static_assert(MAX_DATA + 64 <= SCRATCH_SIZE, "log_write may read on a little");

static bool is_stderr(const struct stream *stream)
{
	return stream == &stream->process->output[1];
}

static bool is_terminal(const struct process *process)
{
	return process->stdio == STDIO_TERMINAL;
}

/* Whoever reads slowly and did not ask to be cut off holds the process back. */
static bool held_back(const struct shim *shim, const struct process *process)
{
	for (const struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process == process && !client->dead && client->close_by == 0 &&
		    (client->flags & ATTACH_CUT_WHEN_SLOW) == 0 && queue_size(&client->queue) > 0)
			return true;
	}
	return false;
}

void stream_resume(struct shim *shim, struct process *process)
{
	if (process->state != PROCESS_RUNNING)
		return;
	uint32_t events = held_back(shim, process) ? 0 : EPOLLIN;
	for (size_t i = 0; i < 2; i++)
		watch_set(shim, &process->output[i].watch, events);
}

static void deliver(struct shim *shim, struct stream *stream, const uint8_t *bytes, size_t size)
{
	struct process *process = stream->process;
	uint8_t header[HEADER_SIZE];
	wire_put_header(header, (uint32_t)size, is_stderr(stream) ? MESSAGE_STDERR : MESSAGE_STDOUT, 0);
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process != process || client->close_by != 0 ||
		    (client->streams & (is_stderr(stream) ? ATTACH_STDERR : ATTACH_STDOUT)) == 0)
			continue;
		client_send(shim, client, header, sizeof(header), bytes, size);
		if ((client->flags & ATTACH_CUT_WHEN_SLOW) != 0 && queue_size(&client->queue) > SLOW_BYTES)
			process_detach(shim, client, "slow");
	}
}

/* A terminal gives 4 KiB at a time; several reads make one message. What read(2) says, of the last one if there is nothing. */
static ssize_t fill(const struct stream *stream, uint8_t *buffer)
{
	size_t have = 0;
	for (;;) {
		ssize_t count = read(stream->watch.fd, buffer + have, MAX_DATA - have);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return have > 0 ? (ssize_t)have : count;
		have += (size_t)count;
		if (!is_terminal(stream->process) || have == MAX_DATA)
			return (ssize_t)have;
	}
}

/* One read: to the log and to everybody attached. What fill says. */
static ssize_t pump(struct shim *shim, struct stream *stream)
{
	uint8_t *buffer = scratch_get(shim, SCRATCH_OUTPUT);
	if (buffer == NULL) {
		errno = EAGAIN;
		return -1;
	}
	ssize_t count = fill(stream, buffer);
	if (count > 0) {
		log_write(&stream->process->log, is_stderr(stream), buffer, (size_t)count, scratch_get(shim, SCRATCH_LOG));
		deliver(shim, stream, buffer, (size_t)count);
	}
	return count;
}

/*
 * The master of a terminal whose last slave was closed reports EIO for ever. A program may close its terminal
 * and open it again, so one slave is held open here, and taken anew after a hang-up of the session.
 */
static int hold_slave(struct process *process, int master)
{
	close_scoped(&process->terminal_slave);
	process->terminal_slave = ioctl(master, KERNEL_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return process->terminal_slave < 0 ? -1 : 0;
}

static void output_ready(struct shim *shim, struct watch *watch)
{
	struct stream *stream = CONTAINER_OF(watch, struct stream, watch);
	struct process *process = stream->process;
	ssize_t count = pump(shim, stream);
	bool over = count == 0 || (count < 0 && errno != EAGAIN);
	if (over && (!is_terminal(process) || hold_slave(process, watch->fd) != 0))
		watch_close(shim, watch);
	stream_resume(shim, process);
}

void stream_drain(struct shim *shim, struct process *process)
{
	for (size_t i = 0; i < 2; i++) {
		ssize_t count = 1;
		for (size_t taken = 0; count > 0 && taken < DRAIN_BYTES && process->output[i].watch.fd >= 0; taken += (size_t)count)
			count = pump(shim, &process->output[i]);
	}
}

static void input_resume_clients(struct shim *shim, struct process *process)
{
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process == process)
			client_watch(shim, client);
	}
}

static void input_close(struct shim *shim, struct process *process)
{
	struct input *input = &process->input;
	input->open = false;
	queue_clear(&input->queue);
	watch_close(shim, &input->watch);
	input_resume_clients(shim, process);
}

/* Bytes taken: fewer than `size` where the process does not read. */
static size_t write_now(struct shim *shim, struct process *process, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t count = write(process->input.watch.fd, bytes + done, size - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count == 0 || (count < 0 && errno == EAGAIN))
			return done;
		if (count < 0) {
			input_close(shim, process); /* EPIPE: nobody reads any more; the rest is dropped */
			return size;
		}
		done += (size_t)count;
	}
	return done;
}

static void input_flush(struct shim *shim, struct process *process)
{
	struct input *input = &process->input;
	if (input->watch.fd < 0 || process->state != PROCESS_RUNNING)
		return;
	size_t waiting = queue_size(&input->queue);
	if (waiting > 0) {
		size_t done = write_now(shim, process, input->queue.bytes + input->queue.start, waiting);
		if (input->watch.fd < 0)
			return;
		queue_take(&input->queue, done);
	}
	if (queue_size(&input->queue) == 0 && input->ending && !is_terminal(process)) {
		input_close(shim, process);
		return;
	}
	watch_set(shim, &input->watch, queue_size(&input->queue) > 0 ? EPOLLOUT : 0);
	if (waiting > INPUT_BYTES && queue_size(&input->queue) <= INPUT_BYTES)
		input_resume_clients(shim, process);
}

static void input_ready(struct shim *shim, struct watch *watch)
{
	input_flush(shim, CONTAINER_OF(watch, struct process, input.watch));
}

void input_write(struct shim *shim, struct process *process, const uint8_t *bytes, size_t size)
{
	struct input *input = &process->input;
	if (!input->open || input->ending || size == 0)
		return;
	input->mid_line = bytes[size - 1] != '\n';
	size_t done = 0;
	if (input->watch.fd >= 0 && process->state == PROCESS_RUNNING && queue_size(&input->queue) == 0)
		done = write_now(shim, process, bytes, size);
	/* Without memory the input would have a hole: its end is the honest answer. */
	if (input->open && !queue_push(&input->queue, bytes + done, size - done))
		input_close(shim, process);
	if (input->watch.fd >= 0 && process->state == PROCESS_RUNNING)
		watch_set(shim, &input->watch, queue_size(&input->queue) > 0 ? EPOLLOUT : 0);
}

void input_end(struct shim *shim, struct process *process)
{
	struct input *input = &process->input;
	if (!input->open || input->ending)
		return;
	/* Before the start it is not known what the end of this stdin looks like: stream_begin sees to it. */
	if (process->state < PROCESS_RUNNING || !is_terminal(process)) {
		input->ending = true;
		input_flush(shim, process);
		return;
	}
	/* A terminal cannot be closed from this side: its end-of-file character does it, twice within a line. */
	struct termios settings;
	if (input->watch.fd < 0 || tcgetattr(input->watch.fd, &settings) != 0 || settings.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	uint8_t ends[2] = {settings.c_cc[VEOF], settings.c_cc[VEOF]};
	input_write(shim, process, ends, input->mid_line ? 2 : 1);
	input->mid_line = false;
}

/* One pipe: the end for the child, which must be able to open it again as /dev/stdout whoever it runs as, and ours. */
static int make_pipe(int *child, int *ours, bool child_reads)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	*child = ends[child_reads ? 0 : 1];
	*ours = ends[child_reads ? 1 : 0];
	(void)fchmod(*child, 0666);
	(void)fcntl(*ours, F_SETPIPE_SZ, PIPE_BYTES); /* ignoring: it is only faster */
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

int stream_make_stdio(struct shim *shim, struct process *process, bool stdin_open, int child[3])
{
	process->input.open = process->stdio == STDIO_TERMINAL || (process->stdio == STDIO_PIPES && stdin_open);
	if (!process->input.open)
		queue_clear(&process->input.queue);
	input_resume_clients(shim, process);
	if (process->stdio == STDIO_PIPES &&
	    (make_pipe(&child[1], &process->output[0].watch.fd, false) != 0 ||
	     make_pipe(&child[2], &process->output[1].watch.fd, false) != 0 ||
	     (stdin_open && make_pipe(&child[0], &process->input.watch.fd, true) != 0)))
		return -1;
	for (int i = 0; i < 3; i++) {
		if (process->stdio == STDIO_INHERIT)
			child[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		else if (child[i] < 0)
			child[i] = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (child[i] < 0)
			return -1;
	}
	return 0;
}

int stream_set_terminal(struct process *process, int master)
{
	process->output[0].watch.fd = master;
	/* The loop knows a descriptor once; the second one is for writing. */
	process->input.watch.fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (process->input.watch.fd < 0 || fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) != 0 ||
	    hold_slave(process, master) != 0)
		return -1;
	return process->rows == 0 ? 0 : process_resize(process, process->rows, process->columns);
}

void stream_begin(struct shim *shim, struct process *process)
{
	for (size_t i = 0; i < 2; i++) {
		process->output[i].process = process;
		process->output[i].watch.ready = output_ready;
	}
	process->input.watch.ready = input_ready;
	stream_resume(shim, process);
	/* Asked for before it was known to be a terminal's. */
	bool ending = is_terminal(process) && process->input.ending;
	process->input.ending &= !ending;
	input_flush(shim, process);
	if (ending)
		input_end(shim, process);
}

void stream_close(struct shim *shim, struct process *process)
{
	input_close(shim, process);
	for (size_t i = 0; i < 2; i++)
		watch_close(shim, &process->output[i].watch);
	close_and_forget(&process->terminal_slave);
}
