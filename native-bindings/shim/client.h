/* A connection: frames in, frames out. */
#pragma once

#include "messages.h"
#include "queue.h"
#include "supervise.h"
#include "wire.h"

/* One that is further behind is cut off, if it asked for that. */
#define SLOW_BYTES (1024 * 1024)

struct client {
	struct client *next;
	struct watch watch;
	bool greeted;
	bool subscribed;
	bool deaf; /* nothing can be written any more; what it sent is still read */
	bool dead; /* to be freed at the end of this turn of the loop */
	uint64_t close_by; /* 0: stays; else to be closed once its queue is empty, and at this time in any case */

	struct process *process; /* that it is attached to */
	uint64_t streams;
	uint64_t flags;

	struct queue begun; /* what is here of a frame that is not here whole */
	struct queue queue; /* to be sent */
	int passing;          /* descriptor to go with the byte that has `passing_after` bytes ahead of it in `queue`; -1: none */
	size_t passing_after;
};

/* A connection, not blocking, which is taken also where it fails: 0, or -1. */
int client_adopt(struct shim *shim, int fd);
void client_accept(struct shim *shim, struct watch *listener);
/* Sends or queues; `body` follows `head` and may be empty. */
void client_send(struct shim *shim, struct client *client, const uint8_t *head, size_t head_size, const uint8_t *body,
                 size_t body_size);
/* Finishes the frame and sends it. */
void client_send_frame(struct shim *shim, struct client *client, struct wire_writer *writer);
/* Sends the message whose fields are `text`, unless that is NULL, and then `count` numbers. */
void client_tell(struct shim *shim, struct client *client, uint16_t type, uint32_t tag, const char *text,
                 const uint64_t *numbers, size_t count);
/* The same with a descriptor (which stays the caller's) on its first byte. 0, or -1 with errno. */
int client_pass(struct shim *shim, struct client *client, struct wire_writer *writer, int descriptor);
/* Nothing more is read from it; it is closed once it has taken what is queued. */
void client_close_soon(struct shim *shim, struct client *client);
/* Asks the loop for what it wants now; after a change of its queue or of its process's stdin. */
void client_watch(struct shim *shim, struct client *client);
/* request.c: why a header is not one of a request; NULL if it is. */
const char *request_refuse_header(const struct client *client, const struct wire_header *header);
void request_handle(struct shim *shim, struct client *client, const struct wire_header *header, const uint8_t *payload);
/* Answers `error` and hangs up: what this client says cannot be trusted to be in step any more. */
void request_garbled(struct shim *shim, struct client *client, uint32_t tag, const char *text);
/* Frees the dead and those that have had their time. */
void clients_sweep(struct shim *shim);
