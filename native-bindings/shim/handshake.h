/*
 * What shim and init say to each other over a SOCK_SEQPACKET pair while a plan is carried out. One function sends;
 * init awaits the two that it is told, the shim takes what comes. The socket is close-on-exec: its end without
 * `failed` before it is how the shim learns of execve; where a reaper stays behind, it says so.
 */
#pragma once

#include "failure.h"

#include <stddef.h>

enum handshake_kind {
	HANDSHAKE_SETTLED = 1, /* shim → init: the shim's operations are done; `tasks` files of control groups to join */
	HANDSHAKE_TERMINAL,    /* init → shim: a PTY master */
	HANDSHAKE_CREATED,     /* init → shim: all but execve is done */
	HANDSHAKE_GO,          /* shim → init: go on */
	HANDSHAKE_FAILED,      /* init → shim: what failed; init ends */
	HANDSHAKE_EXECUTED,    /* reaper → shim: the pidfd of the program, which has come to execve or to its end */
};

struct handshake_message {
	uint64_t kind;
	struct failure failure; /* of HANDSHAKE_FAILED */
};

/* `failure` only with HANDSHAKE_FAILED, else NULL. 0, or -1 with errno. */
int handshake_send(int socket, uint64_t kind, const struct failure *failure, const int *fds, size_t count);
/* In init: blocks. 0, or -1 with errno (EPIPE: the shim is gone). At most `*count` descriptors, then their number. */
int handshake_await(int socket, uint64_t kind, int *fds, size_t *count);
/* In the shim, not blocking: 1 with a message (and `*fd` where it brings one, else -1), 0 at the end, -1 with errno. */
int handshake_receive(int socket, struct handshake_message *message, int *fd);
