/*
 * The door between the two halves of the shim: the supervisor (process.c and what is around it) launches a
 * plan and is told how it went; the interpreter (plan.c, launch.c, host*.c, init*.c, handshake.c) carries it out.
 *
 * A launch never blocks the poll loop on the child: launch_begin does the shim's operations, which are short
 * and bounded, and clones; from then on the supervisor polls `handshake` and calls launch_step.
 */
#pragma once

#include "failure.h"
#include "kernel.h"

struct launch_request {
	const uint8_t *plan; /* encoded as in daemon/runtime/plan/encode.ts; read by launch_begin only */
	size_t plan_size;
	int stdio[3];   /* the child's 0, 1, 2; ignored where the plan has `terminal` */
	int init_pidfd; /* exec: the container's init; else -1 */
	unsigned preserved; /* how many descriptors from 3 on were given to be preserved */
	int home; /* the caller's own network namespace, where it is in a new one that the child is to have; else -1 */
	const char *spare_group; /* a control group that is empty and may take the name of one beside it; NULL: none */
	char *title; /* the caller's arguments, which a `reaper` overwrites in its copy */
	size_t title_size;
};

/* A control group that the launch made, to be removed at the end; the deepest is the first of the list. */
struct launch_group {
	struct launch_group *next;
	bool shared; /* made on the way to one asked for, such as /tare-1a2b: never emptied, removed only once empty */
	char path[];
};

struct launch {
	pid_t pid;
	int pidfd;
	int handshake; /* SOCK_SEQPACKET to the child; -1 once the launch is over */
	int terminal;  /* PTY master, -1 if there is none; the supervisor takes it (sets it to -1) or launch_free closes it */
	struct launch_group *groups; /* for launch_groups_remove after the end of the process */
	bool outlives; /* `outlive_shim`: once it is created or started, its end is for the shim's parent to reap */
};

enum launch_state {
	LAUNCH_PENDING, /* wait for `handshake` again (a terminal may have arrived in `terminal`) */
	LAUNCH_CREATED, /* the child waits for launch_go */
	LAUNCH_STARTED, /* execve succeeded */
	LAUNCH_FAILED,  /* `failure` says why; the child is dead and reaped, the groups removed */
};

/* 0, or -1 with `failure` and nothing left behind (child reaped, groups removed). Does the operations of the shim. */
int launch_begin(struct launch *launch, const struct launch_request *request, struct failure *failure);

/* To be called when `handshake` is readable or hung up. Does not block. */
enum launch_state launch_step(struct launch *launch, struct failure *failure);

/* Lets a LAUNCH_CREATED child go on; then launch_step again. 0, or -1 with errno. */
int launch_go(struct launch *launch);

/* Closes what the launch still holds but not `pidfd`; after LAUNCH_STARTED, LAUNCH_FAILED, or to give up. */
void launch_free(struct launch *launch);

/* Kills what is left in the groups and removes them, deepest first; bounded in time. Logs nothing, ignores what is gone. */
void launch_groups_remove(struct launch *launch);

/*
 * Pipes and sockets among these become the user's. Where that is not allowed (a user namespace that does not know
 * the owner) nothing more is lost than that they cannot be opened again by name.
 */
void launch_give_stdio(const int stdio[3], uid_t uid, gid_t gid);

/* A number in /proc/PID/stat, proc_pid_stat(5), from the fourth field on; `otherwise` where it cannot be read. */
uint64_t launch_stat_field(pid_t pid, int field, uint64_t otherwise);

/* What a file holds as a text, as much as has room: its size, or -1. */
ssize_t launch_read_text(const char *path, char *text, size_t room);

/* For --dump-plan: one operation a line on `out` (a FILE *). 0, or -1 with `failure`. */
int plan_dump(const uint8_t *plan, size_t size, void *out, struct failure *failure);
