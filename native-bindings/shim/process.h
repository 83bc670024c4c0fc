/* A process of the container: init ("") or an exec. */
#pragma once

#include "client.h"
#include "launch.h"
#include "log.h"
#include "queue.h"
#include "record.h"
#include "stream.h"
#include "supervise.h"

enum process_state {
	PROCESS_AWAITED, /* somebody is attached to what is not started yet */
	PROCESS_LAUNCHING,
	PROCESS_CREATED, /* waits for `go` */
	PROCESS_RUNNING,
	PROCESS_ENDED,
};

/* Who waits for `started`; without a client once it was told or is gone. */
struct asker {
	struct client *client;
	uint32_t tag;
};

struct process {
	struct process *next;
	char *name;
	enum process_state state;
	uint64_t stdio;

	struct launch launch;   /* while launching and created */
	struct watch handshake; /* its fd is the launch's */
	struct asker asker;
	struct asker next_asker; /* of a `go` that came before its stop */
	bool passes;             /* it does not wait at its next stop: such a `go` lies ready for it */

	pid_t pid;
	uint64_t start_time;
	struct watch pidfd; /* from the clone to the end; watched when no launch is under way */
	int mount_namespace;

	struct stream output[2]; /* stdout or the terminal, and stderr */
	struct input input;
	int terminal_slave;
	uint64_t rows; /* to be set when the terminal is there; 0: none asked for */
	uint64_t columns;
	struct log log;

	char *record; /* "": none, as of oom */
	char *oom;
	struct exit_record exit;
	bool recorded; /* the exit record is on disk, or none was asked for */
	bool told;     /* a subscriber was told of the end */
};

struct start {
	const char *process;
	uint64_t stdio;
	uint64_t flags;
	const char *log;
	uint64_t log_max_bytes;
	uint64_t log_max_files;
	const char *record;
	const char *oom;
	const uint8_t *plan;
	size_t plan_size;
};

struct process *process_find(struct shim *shim, const char *name);
/* That one, or a new one that is AWAITED; NULL where there is no memory. */
struct process *process_find_or_make(struct shim *shim, const char *name);
/* Launches; `asker` is answered now or later. */
void process_start(struct shim *shim, struct process *process, const struct start *start, struct client *asker,
                   uint32_t tag);
/* `process` waits at a stop, or is on its way to its next one. */
void process_go(struct shim *shim, struct process *process, struct client *asker, uint32_t tag);
/* Reaps it if it has ended: its last output, its record, and telling everybody. */
void process_check_end(struct shim *shim, struct process *process);
/* Sets the size of its terminal, now or when it is there. 0, or -1 with errno. */
int process_resize(struct process *process, uint64_t rows, uint64_t columns);
/* Sends `exited`. */
void process_tell(struct shim *shim, struct process *process, struct client *client);
/* Sends `detached`; the connection is closed once that is taken. */
void process_detach(struct shim *shim, struct client *client, const char *reason);
/* `exited` and `detached` "ended" to one that is attached. */
void process_tell_attached(struct shim *shim, struct process *process, struct client *client);
/* After a client has come or gone: whether one reads the log as it grows, to whom nothing may be held back. */
void process_settle_log(struct shim *shim, struct process *process);
/* A client is going away: nothing may point to it any more. */
void process_without(struct shim *shim, struct process *process, struct client *client);
void process_free(struct shim *shim, struct process *process);
