/*
 * What shim and init say to each other over a SOCK_SEQPACKET pair while a plan is carried out. Each message has
 * one function that sends it; init waits for the two that it is told, the shim takes what comes. The socket is
 * close-on-exec: its end without `failed` before it is how the shim learns of execve.
 */
#ifndef TARE_HANDSHAKE_H
#define TARE_HANDSHAKE_H

#include "failure.h"

#include <stddef.h>
#include <stdint.h>

enum handshake_kind {
	HANDSHAKE_SETTLED = 1, /* shim → init: the shim's operations are done; `tasks` files of control groups to join */
	HANDSHAKE_TERMINAL,    /* init → shim: a PTY master */
	HANDSHAKE_CREATED,     /* init → shim: all but execve is done */
	HANDSHAKE_GO,          /* shim → init: go on */
	HANDSHAKE_FAILED,      /* init → shim: what failed; init ends */
};

struct handshake_message {
	uint32_t kind;
	struct failure failure; /* of HANDSHAKE_FAILED */
};

/* 0: [0] is the shim's end, [1] init's; or -1 with errno. */
int handshake_open(int ends[2]);

/* 0, or -1 with errno. */
int handshake_send_settled(int socket, const int *tasks, size_t count);
int handshake_send_terminal(int socket, int master);
int handshake_send_created(int socket);
int handshake_send_go(int socket);
int handshake_send_failed(int socket, const struct failure *failure);

/* In init: blocks. 0, or -1 with errno (EPIPE: the shim is gone). At most `*count` descriptors, then their number. */
int handshake_await_settled(int socket, int *tasks, size_t *count);
int handshake_await_go(int socket);

/* In the shim, not blocking: 1 with a message (and `*master` where it brings one), 0 at the end, -1 with errno. */
int handshake_receive(int socket, struct handshake_message *message, int *master);

#endif
