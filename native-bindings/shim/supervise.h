/* The shim's whole state and its loop: one epoll instance, one event at a time. */
#pragma once

#include "kernel.h"

#include <sys/epoll.h>

struct client;
struct process;
struct shim;

/* A descriptor in the loop. Part of the thing it belongs to, which `ready` finds with CONTAINER_OF. */
struct watch {
	int fd;          /* -1: none */
	uint32_t events; /* EPOLLIN, EPOLLOUT as asked for now; 0: not in the epoll set, so that a hang-up cannot spin */
	uint32_t happened; /* of those, when `ready` is called */
	void (*ready)(struct shim *shim, struct watch *watch);
};

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/* How long a shim lives on without anybody, and how long one that does not read is waited for. */
#define LINGER_MS 10000

/* Memory for one read or one write; mapped at its first use, given back when nothing happened for a second. */
enum scratch { SCRATCH_INPUT, SCRATCH_OUTPUT, SCRATCH_LOG, SCRATCH_COUNT };
#define SCRATCH_SIZE (100 * 1024)

struct shim {
	int epoll;
	int oom_score; /* /proc/self/oom_score_adj, -1 where it cannot be lowered */
	char oom_score_given[16];
	struct watch listener;
	struct watch signals;
	struct client *clients;
	struct process *processes;
	uint8_t *scratch; /* SCRATCH_COUNT times SCRATCH_SIZE, of which only what was touched takes memory */
	uint64_t alone_since; /* monotonic ms since when nobody is connected; 0: somebody is */
	char *title; /* its arguments, as long as they are */
	size_t title_size;
	int home; /* its own network namespace, while it is in a new one that init is to have; else -1 */
	const char *spare_group; /* a control group that was made for init to have; NULL: none, or not any more */
	bool attended;      /* it ends with its only client, and its stdio may be inherited */
	unsigned preserved; /* how many descriptors from 3 on are for processes that are to have them */
	bool failed;  /* init could not be launched: of no further use */
	bool leaving; /* told to end */
};

/* Starts and stops watching; a descriptor that wants nothing is taken out of the set. */
void watch_set(struct shim *shim, struct watch *watch, uint32_t events);
void watch_close(struct shim *shim, struct watch *watch);

/* SCRATCH_SIZE bytes; NULL where there is no memory. */
uint8_t *scratch_get(struct shim *shim, enum scratch which);

/* Binds and listens. 0, or -1 with errno. */
int supervise_listen(struct shim *shim, const char *path);
/* Serves one connection, which it takes. 0, or -1 with errno. */
int supervise_attend(struct shim *shim, int connection);
/* Until there is nothing left to do. 0, or -1 with errno where the loop itself broke. */
int supervise_run(struct shim *shim);
/* Removes the spare group, unless init has it. */
void supervise_drop_group(struct shim *shim);
/* Reaps orphans, and takes note of processes that ended. */
void supervise_reap(struct shim *shim);
