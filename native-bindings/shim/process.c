/* A process of the container, from its launch to its end. */
#include "process.h"

static bool is_init(const struct process *process)
{
	return process->name[0] == '\0';
}

struct process *process_find(struct shim *shim, const char *name)
{
	for (struct process *process = shim->processes; process != NULL; process = process->next) {
		if (strcmp(process->name, name) == 0)
			return process;
	}
	return NULL;
}

struct process *process_find_or_make(struct shim *shim, const char *name)
{
	struct process *process = process_find(shim, name);
	if (process != NULL)
		return process;
	process = calloc(1, sizeof(*process));
	if (process == NULL || (process->name = strdup(name)) == NULL) {
		free(process);
		errno = ENOMEM;
		return NULL;
	}
	process->launch = (struct launch){.pid = -1, .pidfd = -1, .handshake = -1, .terminal = -1};
	process->handshake.fd = process->pidfd.fd = process->input.watch.fd = -1;
	process->output[0].watch.fd = process->output[1].watch.fd = -1;
	process->mount_namespace = process->terminal_slave = process->log.fd = -1;
	process->input.open = true;
	process->next = shim->processes;
	shim->processes = process;
	return process;
}

void process_free(struct shim *shim, struct process *process)
{
	struct process **link = &shim->processes;
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	stream_close(shim, process);
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process == process)
			client->process = NULL;
	}
	watch_close(shim, &process->pidfd);
	log_close(&process->log);
	free(process->record);
	free(process->oom);
	free(process->name);
	free(process);
}

void process_settle_log(struct shim *shim, struct process *process)
{
	process->log.eager = false;
	for (const struct client *client = shim->clients; client != NULL; client = client->next)
		process->log.eager |= client->process == process && (client->flags & ATTACH_FOLLOWS_LOG) != 0;
	if (process->log.eager)
		log_settle(&process->log, scratch_get(shim, SCRATCH_LOG));
}

void process_without(struct shim *shim, struct process *process, struct client *client)
{
	if (process->asker.client == client)
		process->asker.client = NULL;
	if (process->next_asker.client == client)
		process->next_asker.client = NULL;
	if (client->process != process)
		return;
	client->process = NULL;
	process_settle_log(shim, process);
	if ((client->streams & ATTACH_STDIN) != 0 && (client->flags & ATTACH_CLOSE_STDIN) != 0)
		input_end(shim, process);
	stream_resume(shim, process);
	if (process->state != PROCESS_AWAITED)
		return;
	for (const struct client *other = shim->clients; other != NULL; other = other->next) {
		if (other->process == process)
			return;
	}
	process_free(shim, process);
}

/* -- telling ---------------------------------------------------------------------------------------------- */

void process_detach(struct shim *shim, struct client *client, const char *reason)
{
	client_tell(shim, client, MESSAGE_DETACHED, 0, reason, NULL, 0);
	client_close_soon(shim, client);
}

static void send_exited(struct shim *shim, struct process *process, struct client *client)
{
	const struct exit_record *exit = &process->exit;
	const uint64_t numbers[] = {exit->code, exit->signal, exit->ended_at, exit->oom_kills};
	client_tell(shim, client, MESSAGE_EXITED, 0, process->name, numbers, 4);
}

void process_tell(struct shim *shim, struct process *process, struct client *client)
{
	process->told = true;
	send_exited(shim, process, client);
}

void process_tell_attached(struct shim *shim, struct process *process, struct client *client)
{
	if (client->close_by != 0)
		return;
	send_exited(shim, process, client);
	process_detach(shim, client, "ended");
}

static void answer_launched(struct shim *shim, struct process *process, uint16_t type)
{
	const uint64_t numbers[] = {(uint64_t)process->pid, process->start_time};
	if (process->asker.client != NULL)
		client_tell(shim, process->asker.client, type, process->asker.tag, process->name, numbers, 2);
	process->asker = process->next_asker;
	process->next_asker.client = NULL;
}

static void answer_failed(struct shim *shim, const struct process *process, const struct asker *asker,
                          const struct failure *failure)
{
	struct wire_writer writer;
	if (asker->client == NULL)
		return;
	wire_begin(&writer, MESSAGE_FAILED, asker->tag);
	wire_write_str(&writer, process->name);
	wire_write_u64(&writer, (uint64_t)failure->operation);
	wire_write_str(&writer, failure->step);
	wire_write_u64(&writer, (uint64_t)failure->error);
	wire_write_str(&writer, failure->path);
	client_send_frame(shim, asker->client, &writer);
}

/* It never was: answers, and forgets it. A container without an init is of no further use. */
static void fail(struct shim *shim, struct process *process, const struct failure *failure)
{
	answer_failed(shim, process, &process->asker, failure);
	answer_failed(shim, process, &process->next_asker, failure);
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process == process && client->close_by == 0)
			process_detach(shim, client, "failed");
	}
	if (is_init(process))
		shim->failed = true;
	process_free(shim, process);
}

/* -- launching -------------------------------------------------------------------------------------------- */

/*
 * A dying init takes its mount namespace apart before its parent is told that it ended, which takes the kernel
 * some milliseconds. While somebody else holds the namespace that work waits: until the end was told.
 */
static void hold_mount_namespace(struct process *process)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)process->pid);
	process->mount_namespace = open(path, O_RDONLY | O_CLOEXEC); /* ignoring: it has ended already */
}

/*
 * Watched to its end, but where it is to outlive the shim: then whoever started the shim is its parent in the end,
 * and has to learn how it ended also where it ended first. What the shim reaps nobody else hears of.
 */
static void watch_end(struct shim *shim, struct process *process)
{
	if (!process->launch.outlives)
		watch_set(shim, &process->pidfd, EPOLLIN);
}

static void step(struct shim *shim, struct process *process)
{
	/* The launch closes this descriptor itself when it is over. */
	watch_set(shim, &process->handshake, 0);
	struct failure failure = {.operation = -1};
	enum launch_state state = launch_step(&process->launch, &failure);
	if (process->launch.terminal >= 0 && state != LAUNCH_FAILED) {
		int master = process->launch.terminal;
		process->launch.terminal = -1;
		if (stream_set_terminal(process, master) != 0)
			watch_close(shim, &process->output[0].watch);
	}
	switch (state) {
	case LAUNCH_PENDING:
		watch_set(shim, &process->handshake, EPOLLIN);
		return;
	case LAUNCH_CREATED:
		if (process->passes) {
			process->passes = false;
			answer_launched(shim, process, MESSAGE_CREATED);
			watch_set(shim, &process->handshake, EPOLLIN);
			return;
		}
		process->state = PROCESS_CREATED;
		watch_end(shim, process);
		answer_launched(shim, process, MESSAGE_CREATED);
		return;
	case LAUNCH_STARTED:
		process->state = PROCESS_RUNNING;
		if (is_init(process))
			hold_mount_namespace(process);
		watch_end(shim, process);
		answer_launched(shim, process, MESSAGE_STARTED);
		answer_launched(shim, process, MESSAGE_STARTED); /* to a `go` for a stop that the plan does not have */
		stream_begin(shim, process);
		return;
	case LAUNCH_FAILED:
		process->pidfd.fd = -1; /* the launch has reaped the child, closed this and removed the groups */
		fail(shim, process, &failure);
		supervise_reap(shim);
		return;
	}
}

static void handshake_ready(struct shim *shim, struct watch *watch)
{
	step(shim, CONTAINER_OF(watch, struct process, handshake));
}

static void pidfd_ready(struct shim *shim, struct watch *watch)
{
	process_check_end(shim, CONTAINER_OF(watch, struct process, pidfd));
}

/* The container's processes must not inherit the shim's own protection from the OOM killer. */
static void protect_from_oom(const struct shim *shim, bool protect)
{
	if (shim->oom_score < 0)
		return;
	const char *score = protect ? "-999" : shim->oom_score_given;
	(void)pwrite(shim->oom_score, score, strlen(score), 0);
}

void process_start(struct shim *shim, struct process *process, const struct start *start, struct client *asker,
                   uint32_t tag)
{
	const struct process *init = is_init(process) ? NULL : process_find(shim, "");
	struct launch_request request = {
		.plan = start->plan, .plan_size = start->plan_size,
		.stdio = {-1, -1, -1}, .preserved = shim->preserved,
		.init_pidfd = init == NULL ? -1 : init->pidfd.fd,
		.home = is_init(process) ? shim->home : -1,
		.spare_group = is_init(process) ? shim->spare_group : NULL,
		.title = shim->title, .title_size = shim->title_size,
	};
	struct failure failure = {.operation = -1};
	int result;
	process->asker = (struct asker){asker, tag};
	process->stdio = start->stdio;
	process->record = strdup(start->record);
	process->oom = strdup(start->oom);
	if (process->record == NULL || process->oom == NULL) {
		result = failure_set(&failure, ENOMEM, "", "memory for the paths");
	} else if (log_open(&process->log, start->log, (start->flags & START_LOG_JSON) != 0, start->log_max_bytes,
	                    start->log_max_files) != 0) {
		result = failure_set(&failure, errno, start->log, "open log");
	} else if (stream_make_stdio(shim, process, (start->flags & START_STDIN_OPEN) != 0, request.stdio) != 0) {
		result = failure_set(&failure, errno, "", "stdio");
	} else {
		process_settle_log(shim, process);
		protect_from_oom(shim, false);
		result = launch_begin(&process->launch, &request, &failure);
		protect_from_oom(shim, true);
		if (request.home >= 0)
			close_and_forget(&shim->home);
		if (request.spare_group != NULL)
			supervise_drop_group(shim);
	}
	for (int i = 0; i < 3; i++)
		close_scoped(&request.stdio[i]);
	if (result != 0) {
		fail(shim, process, &failure);
		return;
	}
	process->state = PROCESS_LAUNCHING;
	process->pid = process->launch.pid;
	process->pidfd = (struct watch){.fd = process->launch.pidfd, .ready = pidfd_ready};
	process->handshake = (struct watch){.fd = process->launch.handshake, .ready = handshake_ready};
	process->start_time = launch_stat_field(process->pid, 22, 0);
	watch_set(shim, &process->handshake, EPOLLIN);
}

void process_go(struct shim *shim, struct process *process, struct client *asker, uint32_t tag)
{
	/* Where it was killed meanwhile, the hang-up of the handshake says so in its turn. */
	(void)launch_go(&process->launch);
	if (process->state == PROCESS_LAUNCHING) {
		process->next_asker = (struct asker){asker, tag};
		process->passes = true;
		return;
	}
	process->asker = (struct asker){asker, tag};
	process->state = PROCESS_LAUNCHING;
	watch_set(shim, &process->pidfd, 0);
	watch_set(shim, &process->handshake, EPOLLIN);
}

int process_resize(struct process *process, uint64_t rows, uint64_t columns)
{
	errno = process->stdio != STDIO_TERMINAL ? ENOTTY : EINVAL;
	if (process->stdio != STDIO_TERMINAL || rows > UINT16_MAX || columns > UINT16_MAX)
		return -1;
	process->rows = rows;
	process->columns = columns;
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	return process->output[0].watch.fd < 0 ? 0 : ioctl(process->output[0].watch.fd, TIOCSWINSZ, &size);
}

/* -- the end ---------------------------------------------------------------------------------------------- */

static void announce(struct shim *shim, struct process *process)
{
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		process->told |= client->subscribed;
		if (client->subscribed && client->process != process)
			send_exited(shim, process, client);
	}
	for (struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->process == process)
			process_tell_attached(shim, process, client);
	}
}

void process_check_end(struct shim *shim, struct process *process)
{
	siginfo_t how = {0};
	if (waitid((idtype_t)KERNEL_P_PIDFD, (id_t)process->pidfd.fd, &how, WEXITED | WNOHANG | __WALL) != 0 || how.si_pid == 0)
		return;
	bool killed = how.si_code != CLD_EXITED;
	process->exit = (struct exit_record){
		.code = killed ? 128U + (unsigned)how.si_status : (unsigned)how.si_status,
		.signal = killed ? (unsigned)how.si_status : 0,
		.ended_at = time_now(),
	};
	watch_close(shim, &process->pidfd);
	/* Killed at a stop its program never ran: no run is to be recorded. */
	process->recorded = process->record[0] == '\0' || process->state == PROCESS_CREATED;
	if (process->state == PROCESS_CREATED)
		launch_free(&process->launch);
	process->state = PROCESS_ENDED;
	stream_drain(shim, process);
	stream_close(shim, process);
	log_settle(&process->log, scratch_get(shim, SCRATCH_LOG));
	log_close(&process->log);
	/* The groups know it only as long as they are there. */
	process->exit.oom_kills = record_read_oom_kills(process->oom);
	process->recorded = process->recorded || record_write(process->record, &process->exit) == 0;
	announce(shim, process);
	close_and_forget(&process->mount_namespace);
	launch_groups_remove(&process->launch);
	watch_set(shim, &shim->listener, EPOLLIN); /* there are descriptors again */
	supervise_reap(shim);
}
