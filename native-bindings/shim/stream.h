/* The stdio of a process: output to its log and to everybody attached, input from them. */
#pragma once

#include "queue.h"
#include "supervise.h"

/* A client is not read from while more than this waits to be written to the process's stdin. */
#define INPUT_BYTES (256 * 1024)

struct stream {
	struct watch watch; /* read end of the pipe, or the terminal's master */
	struct process *process;
};

struct input {
	struct watch watch; /* write end of the pipe, or a second descriptor of the terminal's master */
	struct queue queue;
	bool open;      /* bytes are taken (perhaps before there is a descriptor) */
	bool ending;    /* to be closed once the queue is empty */
	bool mid_line;  /* the last byte was not a newline */
};

/* Fills in the child's descriptors 0, 1, 2, which come as -1; the shim's ends go into the process. 0, or -1 with errno. */
int stream_make_stdio(struct shim *shim, struct process *process, bool stdin_open, int child[3]);
/* Takes the master over and holds a slave open. 0, or -1 with errno. */
int stream_set_terminal(struct process *process, int master);
/* From now on output is read and input is written. */
void stream_begin(struct shim *shim, struct process *process);
/* Reads on if nobody holds the process back. */
void stream_resume(struct shim *shim, struct process *process);
/* Takes what is in the pipes or the terminal at the end. */
void stream_drain(struct shim *shim, struct process *process);
void stream_close(struct shim *shim, struct process *process);

void input_write(struct shim *shim, struct process *process, const uint8_t *bytes, size_t size);
/* End of file once what is queued was taken. */
void input_end(struct shim *shim, struct process *process);
