/* The shim's loop. It waits for one event at a time, so that nothing it frees can be in a list of further events. */
#define _GNU_SOURCE
#include "supervise.h"

#include "client.h"
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 64
/* Scratch memory is given back after this long without an event. */
#define IDLE_MS 1000

uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
}

uint8_t *scratch_get(struct shim *shim, enum scratch which)
{
	if (shim->scratch[which] == NULL)
		shim->scratch[which] = pages_map(SCRATCH_SIZE);
	return shim->scratch[which];
}

static bool scratch_held(const struct shim *shim)
{
	for (int i = 0; i < SCRATCH_COUNT; i++) {
		if (shim->scratch[i] != NULL)
			return true;
	}
	return false;
}

static void scratch_release(struct shim *shim)
{
	for (int i = 0; i < SCRATCH_COUNT; i++) {
		pages_unmap(shim->scratch[i], SCRATCH_SIZE);
		shim->scratch[i] = NULL;
	}
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
		else if (process->state == PROCESS_LAUNCHING)
			return; /* its launch reaps it, and comes here again */
		else
			process_check_end(shim, process);
	}
}

static void signals_ready(struct shim *shim, struct watch *watch, uint32_t events)
{
	(void)events;
	struct signalfd_siginfo pending;
	while (read(watch->fd, &pending, sizeof(pending)) == (ssize_t)sizeof(pending))
		continue;
	supervise_reap(shim);
}

static int watch_signals(struct shim *shim)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	shim->signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signals_ready};
	if (shim->signals.fd < 0)
		return -1;
	watch_set(shim, &shim->signals, EPOLLIN);
	return 0;
}

int supervise_listen(struct shim *shim, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path);
	if (size == 0 || size >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, size);
	shim->epoll = epoll_create1(EPOLL_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (shim->epoll < 0 || fd < 0)
		return -1;
	mode_t mask = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&address, (socklen_t)sizeof(address));
	(void)umask(mask);
	if (bound != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	shim->listener = (struct watch){.fd = fd, .ready = client_accept};
	watch_set(shim, &shim->listener, EPOLLIN);
	shim->alone_since = now_ms();
	return watch_signals(shim);
}

/* What the processes say of the end. */
struct outlook {
	bool active;  /* something runs or is being launched */
	bool started; /* init was started */
	bool kept;    /* the end of init is known to nobody but us */
};

static struct outlook look(const struct shim *shim)
{
	struct outlook outlook = {0};
	for (const struct process *process = shim->processes; process != NULL; process = process->next) {
		outlook.active |= process->state != PROCESS_AWAITED && process->state != PROCESS_ENDED;
		if (process->state == PROCESS_AWAITED || process->name[0] != '\0')
			continue;
		outlook.started = true;
		outlook.kept = process->state == PROCESS_ENDED && !process->recorded && !process->told;
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
	if (!lingers(shim))
		return false;
	return shim->failed || now_ms() - shim->alone_since >= LINGER_MS;
}

static int earlier(int timeout, uint64_t deadline, uint64_t now)
{
	int left = deadline <= now ? 0 : (int)(deadline - now);
	return timeout < 0 || left < timeout ? left : timeout;
}

static int timeout(const struct shim *shim)
{
	int timeout = scratch_held(shim) ? IDLE_MS : -1;
	uint64_t now = 0;
	for (const struct client *client = shim->clients; client != NULL; client = client->next) {
		if (client->close_by == 0)
			continue;
		now = now != 0 ? now : now_ms();
		timeout = earlier(timeout, client->close_by, now);
	}
	if (lingers(shim))
		timeout = earlier(timeout, shim->alone_since + LINGER_MS, now_ms());
	return timeout;
}

int supervise_run(struct shim *shim)
{
	while (!over(shim)) {
		struct epoll_event event;
		int count = epoll_wait(shim->epoll, &event, 1, timeout(shim));
		if (count < 0 && errno != EINTR)
			return -1;
		if (count == 0)
			scratch_release(shim);
		if (count == 1) {
			struct watch *watch = event.data.ptr;
			watch->ready(shim, watch, event.events);
		}
		clients_sweep(shim);
	}
	return 0;
}
