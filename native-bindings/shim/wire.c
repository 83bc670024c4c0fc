/* Records of fields and frame headers. Integers are little-endian whatever the machine is. */
#include "wire.h"

#include "messages.h"

#include <string.h>

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

static uint32_t read_size(struct wire_reader *reader)
{
	const uint8_t *bytes = take(reader, 4);
	return bytes == NULL ? 0 : (uint32_t)get(bytes, 4);
}

uint64_t wire_read_u64(struct wire_reader *reader)
{
	const uint8_t *bytes = take(reader, 8);
	return bytes == NULL ? 0 : get(bytes, 8);
}

const char *wire_read_str(struct wire_reader *reader)
{
	size_t size = read_size(reader);
	const uint8_t *bytes = take(reader, size + 1);
	if (bytes == NULL)
		return "";
	/* The C side would see a string with a NUL inside shorter than the TypeScript side does. */
	if (memchr(bytes, 0, size + 1) != bytes + size) {
		reader->broken = true;
		return "";
	}
	return (const char *)bytes;
}

const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t *size)
{
	*size = read_size(reader);
	const uint8_t *bytes = take(reader, *size);
	if (bytes == NULL)
		*size = 0;
	return bytes;
}

bool wire_read_end(const struct wire_reader *reader)
{
	return !reader->broken && reader->at == reader->end;
}

static uint8_t *make_room(struct wire_writer *writer, size_t size)
{
	if (writer->broken || size > sizeof(writer->bytes) - writer->used) {
		writer->broken = true;
		return NULL;
	}
	uint8_t *bytes = writer->bytes + writer->used;
	writer->used += size;
	return bytes;
}

void wire_begin(struct wire_writer *writer, uint16_t type, uint32_t tag)
{
	writer->used = HEADER_SIZE;
	writer->broken = false;
	wire_put_header(writer->bytes, 0, type, tag);
}

void wire_write_u64(struct wire_writer *writer, uint64_t value)
{
	uint8_t *bytes = make_room(writer, 8);
	if (bytes != NULL)
		put(bytes, 8, value);
}

void wire_write_str(struct wire_writer *writer, const char *value)
{
	size_t size = strlen(value);
	uint8_t *bytes = make_room(writer, 4 + size + 1);
	if (bytes == NULL)
		return;
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
		.size = (uint32_t)get(bytes, 4),
		.type = (uint16_t)get(bytes + 4, 2),
		.zero = (uint16_t)get(bytes + 6, 2),
		.tag = (uint32_t)get(bytes + 8, 4),
	};
}

void wire_put_header(uint8_t *bytes, uint32_t size, uint16_t type, uint32_t tag)
{
	put(bytes, 4, size);
	put(bytes + 4, 2, type);
	put(bytes + 6, 2, 0);
	put(bytes + 8, 4, tag);
}
