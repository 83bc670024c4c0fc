/* One function for each request of the shim protocol. */
#ifndef TARE_REQUEST_H
#define TARE_REQUEST_H

#include "client.h"

/* Why a header is not one of a request; NULL if it is. */
const char *request_refuse_header(const struct client *client, const struct wire_header *header);
void request_handle(struct shim *shim, struct client *client, const struct wire_header *header, const uint8_t *payload);
/* Answers `error` and hangs up: what this client says cannot be trusted to be in step any more. */
void request_garbled(struct shim *shim, struct client *client, uint32_t tag, const char *text);

#endif
