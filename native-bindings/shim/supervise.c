/* The shim's loop. It waits for one event at a time, so that nothing it frees can be in a list of further events. */
#include "supervise.h"

#include "client.h"
#include "process.h"

#include <sys/signalfd.h>

#define BACKLOG 64
/* Scratch memory is given back after this long without an event. */
#define IDLE_MS 1000

void watch_set(struct shim *shim, struct watch *watch, uint32_t events)
{
	if (watch->fd < 0 || watch->events == events)
		return;
	int operation = events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	struct epoll_event event = {.events = events, .data.ptr = watch};
	/* Without it the descriptor would never be heard of again, and the container with it: better a loud end. */
	if (epoll_ctl(shim->epoll, operation, watch->fd, &event) != 0)
		abort();
	watch->events = events;
}

void watch_close(struct shim *shim, struct watch *watch)
{
	watch_set(shim, watch, 0);
	close_and_forget(&watch->fd);
}

uint8_t *scratch_get(struct shim *shim, enum scratch which)
{
	if (shim->scratch == NULL)
		shim->scratch = pages_map(SCRATCH_COUNT * SCRATCH_SIZE);
	return shim->scratch == NULL ? NULL : shim->scratch + which * SCRATCH_SIZE;
}

void supervise_drop_group(struct shim *shim)
{
	if (shim->spare_group != NULL)
		(void)rmdir(shim->spare_group);
	shim->spare_group = NULL;
}

void supervise_reap(struct shim *shim)
{
	for (;;) {
		siginfo_t child = {0};
		if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || child.si_pid == 0)
			return;
		struct process *process = shim->processes;
		while (process != NULL && (process->pid != child.si_pid || process->state < PROCESS_LAUNCHING ||
		                           process->state == PROCESS_ENDED))
			process = process->next;
		if (process == NULL)
			(void)waitid(P_PID, (id_t)child.si_pid, &child, WEXITED | WNOHANG | __WALL);
		else if (process->state == PROCESS_LAUNCHING || process->launch.outlives)
			return; /* its launch reaps it, and comes here again; or it is left for who comes after the shim */
		else
			process_check_end(shim, process);
	}
}

static void signals_ready(struct shim *shim, struct watch *watch)
{
	struct signalfd_siginfo pending;
	while (read(watch->fd, &pending, sizeof(pending)) == (ssize_t)sizeof(pending))
		continue;
	supervise_reap(shim);
}

static int begin(struct shim *shim)
{
	sigset_t set;
	shim->epoll = epoll_create1(EPOLL_CLOEXEC);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (shim->epoll < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	shim->signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signals_ready};
	if (shim->signals.fd < 0)
		return -1;
	watch_set(shim, &shim->signals, EPOLLIN);
	return 0;
}

int supervise_listen(struct shim *shim, const char *path)
{
	struct sockaddr_un address;
	if (wire_address(&address, path) != 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	shim->listener = (struct watch){.fd = fd, .ready = client_accept};
	if (fd < 0)
		return -1;
	mode_t mask = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&address, (socklen_t)sizeof(address));
	(void)umask(mask);
	if (bound != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	if (begin(shim) != 0)
		return -1;
	watch_set(shim, &shim->listener, EPOLLIN);
	shim->alone_since = now_ms();
	return 0;
}

int supervise_attend(struct shim *shim, int connection)
{
	return begin(shim) != 0 || fcntl(connection, F_SETFL, O_NONBLOCK) != 0 ? -1 : client_adopt(shim, connection);
}

/* What the processes say of the end. */
struct outlook {
	bool active;  /* something runs or is being launched */
	bool kept;    /* the end of init is known to nobody but us */
};

static struct outlook look(const struct shim *shim)
{
	struct outlook outlook = {0};
	for (const struct process *process = shim->processes; process != NULL; process = process->next) {
		bool ended = process->state == PROCESS_ENDED;
		outlook.active |= process->state != PROCESS_AWAITED && !ended;
		outlook.kept |= ended && process->name[0] == '\0' && !process->recorded && !process->told;
	}
	return outlook;
}

/* Alone, and nothing to wait for but somebody who may still come. */
static bool lingers(const struct shim *shim)
{
	struct outlook outlook = look(shim);
	return shim->clients == NULL && !outlook.active && !outlook.kept;
}

static bool over(struct shim *shim)
{
	if (shim->leaving && !look(shim).active) {
		for (struct client *client = shim->clients; client != NULL; client = client->next)
			client_close_soon(shim, client);
		clients_sweep(shim);
		return shim->clients == NULL;
	}
	if (shim->attended)
		return shim->clients == NULL;
	if (!lingers(shim))
		return false;
	return shim->failed || now_ms() - shim->alone_since >= LINGER_MS;
}

/* The time until the next thing that has to happen by itself, as epoll_wait(2) wants it. */
static int timeout(const struct shim *shim)
{
	uint64_t now = now_ms();
	uint64_t next = shim->scratch != NULL ? now + IDLE_MS : UINT64_MAX;
	for (const struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->close_by != 0 && client->close_by < next)
			next = client->close_by;
	}
	if (lingers(shim) && shim->alone_since + LINGER_MS < next)
		next = shim->alone_since + LINGER_MS;
	return next == UINT64_MAX ? -1 : next <= now ? 0 : (int)(next - now);
}

int supervise_run(struct shim *shim)
{
	while (!over(shim)) {
		struct epoll_event event;
		int count = epoll_wait(shim->epoll, &event, 1, timeout(shim));
		if (count < 0 && errno != EINTR)
			return -1;
		if (count == 0) {
			pages_unmap(shim->scratch, SCRATCH_COUNT * SCRATCH_SIZE);
			shim->scratch = NULL;
		}
		if (count == 1) {
			struct watch *watch = event.data.ptr;
			watch->happened = event.events;
			watch->ready(shim, watch);
		}
		clients_sweep(shim);
	}
	return 0;
}
