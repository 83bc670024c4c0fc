/* One function for each request of the shim protocol (daemon/shim/messages.ts). */
#include "process.h"

/* Longest name of a process; ids have 64 digits. */
#define NAME_MAX_BYTES 255

struct request {
	struct shim *shim;
	struct client *client;
	uint32_t tag;
	struct wire_reader reader; /* what the table below does not say */
	const char *name;
	uint64_t numbers[2];
	struct process *process; /* of that name, in one of the states that the table asks for */
};

static void answer_error(const struct request *request, int error, const char *text)
{
	struct wire_writer writer;
	wire_begin(&writer, MESSAGE_ERROR, request->tag);
	wire_write_u64(&writer, (uint64_t)error);
	wire_write_str(&writer, text);
	client_send_frame(request->shim, request->client, &writer);
}

/* The outcome of a system call: 0, or -1 with errno. */
static void answer_result(const struct request *request, int result)
{
	if (result == 0)
		client_tell(request->shim, request->client, MESSAGE_OK, request->tag, NULL, NULL, 0);
	else
		answer_error(request, errno, strerror(errno));
}

void request_garbled(struct shim *shim, struct client *client, uint32_t tag, const char *text)
{
	struct request request = {.shim = shim, .client = client, .tag = tag};
	answer_error(&request, 0, text);
	client_close_soon(shim, client);
}

/* To a request whose own bytes are wrong: it answers, and hangs up. */
static void refuse(const struct request *request, const char *text)
{
	request_garbled(request->shim, request->client, request->tag, text);
}

static void client_hello(struct request *request)
{
	request->client->greeted = request->numbers[0] == PROTOCOL_VERSION;
	if (request->client->greeted)
		return;
	char text[96];
	(void)snprintf(text, sizeof(text), "protocol version %d expected, %llu came", PROTOCOL_VERSION,
	               (unsigned long long)request->numbers[0]);
	refuse(request, text);
}

static bool relative(const char *path)
{
	return path[0] != '\0' && path[0] != '/';
}

/* Answers with an error and is false where the condition does not hold. */
static bool require(const struct request *request, bool condition, int error, const char *text)
{
	if (!condition)
		answer_error(request, error, text);
	return condition;
}

static bool may_start(const struct request *request, const struct start *start)
{
	const struct process *init = process_find(request->shim, "");
	const struct process *process = process_find(request->shim, start->process);
	/* Others may come before it, to hold a namespace for it. */
	bool ended = init != NULL && init->state == PROCESS_ENDED;
	return require(request, strlen(start->process) <= NAME_MAX_BYTES, EINVAL, "the name of the process is too long") &&
	       require(request, start->stdio <= STDIO_INHERIT && (start->flags & ~(uint64_t)(START_STDIN_OPEN | START_LOG_JSON)) == 0, EINVAL,
	               "unknown stdio or flags") &&
	       require(request, start->stdio != STDIO_INHERIT || request->shim->attended, EINVAL,
	               "stdio=inherit needs a shim with --connection") &&
	       require(request, !relative(start->log) && !relative(start->record) && !relative(start->oom), EINVAL,
	               "log, record and oom are absolute paths") &&
	       require(request, !request->shim->failed && !request->shim->leaving, EBUSY, "this shim is ending") &&
	       require(request, process == NULL || process->state == PROCESS_AWAITED, EBUSY, "it was started already") &&
	       require(request, start->process[0] == '\0' || !ended, ESRCH, "the container does not run");
}

static void start(struct request *request)
{
	struct wire_reader *reader = &request->reader;
	struct start start = {.process = wire_read_str(reader)};
	start.stdio = wire_read_u64(reader);
	start.flags = wire_read_u64(reader);
	start.log = wire_read_str(reader);
	start.log_max_bytes = wire_read_u64(reader);
	start.log_max_files = wire_read_u64(reader);
	start.record = wire_read_str(reader);
	start.oom = wire_read_str(reader);
	start.plan = wire_read_bytes(reader, &start.plan_size);
	if (!wire_read_end(reader)) {
		refuse(request, "garbled fields");
		return;
	}
	if (!may_start(request, &start))
		return;
	struct process *process = process_find_or_make(request->shim, start.process);
	if (process == NULL)
		answer_result(request, -1);
	else
		process_start(request->shim, process, &start, request->client, request->tag);
}

static void go(struct request *request)
{
	const struct process *process = request->process;
	/* One stop ahead at the most; and one that waits for a pipe takes no message for it. */
	bool comes = process->state == PROCESS_LAUNCHING && !process->passes && !process->launch.outlives;
	if (require(request, comes || process->state == PROCESS_CREATED, EBUSY, "it does not wait for go"))
		process_go(request->shim, request->process, request->client, request->tag);
}

static void signal_process(struct request *request)
{
	/* What is no int is none of the kernel's signals either. */
	int number = request->numbers[0] > INT32_MAX ? -1 : (int)request->numbers[0];
	answer_result(request, kernel_signal(request->process->pidfd.fd, number));
}

static void resize(struct request *request)
{
	answer_result(request, process_resize(request->process, request->numbers[0], request->numbers[1]));
}

static void attach(struct request *request)
{
	struct client *client = request->client;
	const struct shim *shim = request->shim;
	uint64_t streams = request->numbers[0], flags = request->numbers[1];
	bool known = (streams & ~(uint64_t)(ATTACH_STDIN | ATTACH_STDOUT | ATTACH_STDERR)) == 0 &&
	             (flags & ~(uint64_t)(ATTACH_CLOSE_STDIN | ATTACH_CUT_WHEN_SLOW | ATTACH_FOLLOWS_LOG)) == 0;
	if (!require(request, client->process == NULL, EBUSY, "this connection is attached already") ||
	    !require(request, known && strlen(request->name) <= NAME_MAX_BYTES, EINVAL,
	             "unknown streams or flags, or a name that is too long"))
		return;
	struct process *process = process_find(request->shim, request->name);
	if (!require(request, process != NULL || (!shim->failed && !shim->leaving), ESRCH, "this shim is ending"))
		return;
	process = process_find_or_make(request->shim, request->name);
	if (process == NULL) {
		answer_result(request, -1);
		return;
	}
	client->process = process;
	client->streams = streams;
	client->flags = flags;
	process_settle_log(request->shim, process);
	const uint64_t terminal = process->state == PROCESS_AWAITED ? 2 : process->stdio == STDIO_TERMINAL;
	client_tell(request->shim, client, MESSAGE_ATTACHED, request->tag, request->name, &terminal, 1);
	if (process->state == PROCESS_ENDED)
		process_tell_attached(request->shim, process, client);
}

static void stdin_bytes(struct request *request)
{
	struct client *client = request->client;
	size_t size = (size_t)(request->reader.end - request->reader.at);
	if (client->process == NULL || (client->streams & ATTACH_STDIN) == 0)
		refuse(request, "stdin on a connection that is not attached to it");
	else if (size > 0)
		input_write(request->shim, client->process, request->reader.at, size);
	else if (client->flags & ATTACH_CLOSE_STDIN)
		input_end(request->shim, client->process);
}

static void subscribe(struct request *request)
{
	request->client->subscribed = true;
	answer_result(request, 0);
	for (struct process *process = request->shim->processes; process != NULL; process = process->next) {
		if (process->state == PROCESS_ENDED)
			process_tell(request->shim, process, request->client);
	}
}

static void status(struct request *request)
{
	for (const struct process *process = request->shim->processes; process != NULL; process = process->next) {
		const struct exit_record *exit = &process->exit;
		const uint64_t state = (uint64_t)process->state - PROCESS_CREATED, terminal = process->stdio == STDIO_TERMINAL;
		const uint64_t numbers[] = {state, (uint64_t)process->pid, process->start_time, terminal,
		                            exit->code, exit->signal, exit->ended_at, exit->oom_kills};
		if (process->state >= PROCESS_CREATED)
			client_tell(request->shim, request->client, MESSAGE_PROCESS, request->tag, process->name, numbers, 8);
	}
	answer_result(request, 0);
}

static void pass_pidfd(struct request *request)
{
	struct wire_writer writer;
	wire_begin(&writer, MESSAGE_PIDFD_IS, request->tag);
	wire_write_str(&writer, request->name);
	wire_write_u64(&writer, (uint64_t)request->process->pid);
	if (client_pass(request->shim, request->client, &writer, request->process->pidfd.fd) != 0)
		answer_result(request, -1);
}

static void forget(struct request *request)
{
	if (!require(request, request->process->state == PROCESS_ENDED, EBUSY, "it has not ended"))
		return;
	if (request->name[0] == '\0')
		request->shim->leaving = true;
	else
		process_free(request->shim, request->process);
	answer_result(request, 0);
}

static void shutdown_shim(struct request *request)
{
	for (const struct process *process = request->shim->processes; process != NULL; process = process->next) {
		if (!require(request, process->state == PROCESS_AWAITED, EBUSY, "something was started in this shim"))
			return;
	}
	request->shim->leaving = true;
	answer_result(request, 0);
}

/* `from` and `to`: the states of the process named for which `handle` is called; without `to` it is not looked up. */
static const struct request_kind {
	void (*handle)(struct request *request);
	bool raw;  /* bytes as they are, or fields that `handle` reads itself */
	bool name; /* the first field */
	uint8_t numbers;
	uint8_t from, to;
} requests[] = {
	[MESSAGE_CLIENT_HELLO] = {client_hello, .numbers = 1},
	[MESSAGE_START] = {start, .raw = true},
	[MESSAGE_GO] = {go, .name = true, .from = PROCESS_LAUNCHING, .to = PROCESS_RUNNING},
	[MESSAGE_SIGNAL] = {signal_process, .name = true, .numbers = 1, .from = PROCESS_LAUNCHING, .to = PROCESS_RUNNING},
	[MESSAGE_RESIZE] = {resize, .name = true, .numbers = 2, .from = PROCESS_LAUNCHING, .to = PROCESS_RUNNING},
	[MESSAGE_ATTACH] = {attach, .name = true, .numbers = 2},
	[MESSAGE_STDIN] = {stdin_bytes, .raw = true},
	[MESSAGE_SUBSCRIBE] = {subscribe, .raw = false},
	[MESSAGE_STATUS] = {status, .raw = false},
	[MESSAGE_PIDFD] = {pass_pidfd, .name = true, .from = PROCESS_CREATED, .to = PROCESS_RUNNING},
	[MESSAGE_FORGET] = {forget, .name = true, .from = PROCESS_LAUNCHING, .to = PROCESS_ENDED},
	[MESSAGE_SHUTDOWN] = {shutdown_shim, .raw = false},
};

const char *request_refuse_header(const struct client *client, const struct wire_header *header)
{
	if (header->type >= sizeof(requests) / sizeof(requests[0]) || requests[header->type].handle == NULL)
		return "unknown type of message";
	if (header->zero != 0)
		return "the header's zero is not zero";
	if (header->size > (header->type == MESSAGE_STDIN ? MAX_DATA : MAX_PAYLOAD))
		return "the message is too long";
	if (client->greeted == (header->type == MESSAGE_CLIENT_HELLO))
		return client->greeted ? "a second hello" : "hello comes first";
	return NULL;
}

/* Whether the process named is there in a state that the request is for; otherwise it is answered. */
static bool look_up(struct request *request, enum process_state from, enum process_state to)
{
	const struct process *process = request->process = process_find(request->shim, request->name);
	bool ended = process != NULL && process->state == PROCESS_ENDED;
	return require(request, process != NULL && process->state >= from && process->state <= to, ESRCH,
	               ended ? "it has ended" : "no such process");
}

void request_handle(struct shim *shim, struct client *client, const struct wire_header *header, const uint8_t *payload)
{
	struct request request = {
		.shim = shim, .client = client, .tag = header->tag,
		.reader = {.at = payload, .end = payload + header->size},
	};
	const struct request_kind *kind = &requests[header->type];
	if (kind->name)
		request.name = wire_read_str(&request.reader);
	for (size_t i = 0; i < kind->numbers; i++)
		request.numbers[i] = wire_read_u64(&request.reader);
	if (!kind->raw && !wire_read_end(&request.reader))
		refuse(&request, "garbled fields");
	else if (kind->to == 0 || look_up(&request, kind->from, kind->to))
		kind->handle(&request);
}
