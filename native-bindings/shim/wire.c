/* Records of fields and frame headers. Integers are little-endian whatever the machine is. */
#include "wire.h"

#include "messages.h"

static uint64_t get(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;
	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

static void put(uint8_t *bytes, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++, value >>= 8)
		bytes[i] = (uint8_t)value;
}

static const uint8_t *take(struct wire_reader *reader, size_t size)
{
	if (reader->broken || size > (size_t)(reader->end - reader->at)) {
		reader->broken = true;
		return NULL;
	}
	const uint8_t *bytes = reader->at;
	reader->at += size;
	return bytes;
}

static uint64_t read_integer(struct wire_reader *reader, size_t size)
{
	const uint8_t *bytes = take(reader, size);
	return bytes == NULL ? 0 : get(bytes, size);
}

uint32_t wire_read_u32(struct wire_reader *reader)
{
	return (uint32_t)read_integer(reader, 4);
}

uint64_t wire_read_u64(struct wire_reader *reader)
{
	return read_integer(reader, 8);
}

const char *wire_read_str(struct wire_reader *reader)
{
	size_t size = wire_read_u32(reader);
	const uint8_t *bytes = take(reader, size + 1);
	/* The C side would see a string with a NUL inside shorter than the TypeScript side does. */
	if (bytes != NULL && memchr(bytes, 0, size + 1) == bytes + size)
		return (const char *)bytes;
	reader->broken = true;
	return "";
}

const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t *size)
{
	*size = wire_read_u32(reader);
	const uint8_t *bytes = take(reader, *size);
	if (bytes == NULL)
		*size = 0;
	return bytes;
}

bool wire_read_end(const struct wire_reader *reader)
{
	return !reader->broken && reader->at == reader->end;
}

void wire_begin(struct wire_writer *writer, uint16_t type, uint32_t tag)
{
	writer->used = HEADER_SIZE;
	wire_put_header(writer->bytes, 0, type, tag);
}

/* Where the next `size` bytes go. Every frame is bounded below the buffer: names, steps and paths have limits. */
static uint8_t *make_room(struct wire_writer *writer, size_t size)
{
	if (size > sizeof(writer->bytes) - writer->used)
		abort();
	writer->used += size;
	return writer->bytes + writer->used - size;
}

void wire_write_u64(struct wire_writer *writer, uint64_t value)
{
	put(make_room(writer, 8), 8, value);
}

void wire_write_str(struct wire_writer *writer, const char *value)
{
	size_t size = strlen(value);
	uint8_t *bytes = make_room(writer, 4 + size + 1);
	put(bytes, 4, size);
	memcpy(bytes + 4, value, size + 1);
}

void wire_finish(struct wire_writer *writer)
{
	put(writer->bytes, 4, writer->used - HEADER_SIZE);
}

struct wire_header wire_get_header(const uint8_t *bytes)
{
	return (struct wire_header){
		.size = (uint32_t)get(bytes, 4), .type = (uint16_t)get(bytes + 4, 2),
		.zero = (uint16_t)get(bytes + 6, 2), .tag = (uint32_t)get(bytes + 8, 4),
	};
}

void wire_put_header(uint8_t *bytes, uint32_t size, uint16_t type, uint32_t tag)
{
	put(bytes, 4, size);
	put(bytes + 4, 2, type);
	put(bytes + 6, 2, 0);
	put(bytes + 8, 4, tag);
}

int wire_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t size = strlen(path);
	errno = ENAMETOOLONG;
	if (size == 0 || size >= sizeof(address->sun_path))
		return -1;
	memcpy(address->sun_path, path, size);
	return 0;
}

ssize_t wire_send(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count, int flags)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_DESCRIPTORS)];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	if (fd_count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}
