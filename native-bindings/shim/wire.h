/* Records of fields, frame headers and descriptors: the C side of shared/wire/fields.ts and daemon/shim/messages.ts. */
#pragma once

#include "kernel.h"

#include <sys/uio.h>
#include <sys/un.h>

/* Reads fields in turn. Once one does not fit, `broken` is set and all further ones are 0 and "". */
struct wire_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool broken;
};

uint32_t wire_read_u32(struct wire_reader *reader);
uint64_t wire_read_u64(struct wire_reader *reader);
/* A view into the input; ends with the NUL that the format has. */
const char *wire_read_str(struct wire_reader *reader);
const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t *size);
/* Every field was there and nothing stands after the last one. */
bool wire_read_end(const struct wire_reader *reader);

/* More than the longest frame written with wire_writer: `failed` with a process's name, a step and a path. */
#define WIRE_FRAME_MAX 5120

struct wire_writer {
	size_t used;
	uint8_t bytes[WIRE_FRAME_MAX];
};

void wire_begin(struct wire_writer *writer, uint16_t type, uint32_t tag);
void wire_write_u64(struct wire_writer *writer, uint64_t value);
void wire_write_str(struct wire_writer *writer, const char *value);
/* Puts the payload's length into the header. */
void wire_finish(struct wire_writer *writer);

struct wire_header {
	uint32_t size;
	uint16_t type;
	uint16_t zero;
	uint32_t tag;
};

struct wire_header wire_get_header(const uint8_t *bytes);
void wire_put_header(uint8_t *bytes, uint32_t size, uint16_t type, uint32_t tag);

/* Most descriptors that go with one message. */
#define WIRE_MAX_DESCRIPTORS 32

/* The address of the socket at `path`. 0, or -1 with errno. */
int wire_address(struct sockaddr_un *address, const char *path);

/* sendmsg(2) of `parts` and descriptors, without SIGPIPE. */
ssize_t wire_send(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count, int flags);
