/* Bytes waiting to be written to a descriptor. */
#define _GNU_SOURCE
#include "queue.h"

#include <string.h>
#include <sys/mman.h>

#define SMALLEST_QUEUE 4096

void *pages_map(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return pages == MAP_FAILED ? NULL : pages;
}

void pages_unmap(void *pages, size_t size)
{
	if (pages != NULL)
		(void)munmap(pages, size);
}

static bool grow(struct queue *queue, size_t size)
{
	size_t capacity = queue->capacity == 0 ? SMALLEST_QUEUE : queue->capacity;
	while (capacity < size)
		capacity *= 2;
	uint8_t *larger = pages_map(capacity);
	if (larger == NULL)
		return false;
	size_t held = queue_size(queue);
	if (held > 0)
		memcpy(larger, queue->bytes + queue->start, held);
	pages_unmap(queue->bytes, queue->capacity);
	*queue = (struct queue){.bytes = larger, .end = held, .capacity = capacity};
	return true;
}

bool queue_push(struct queue *queue, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return true;
	if (size > queue->capacity - queue->end) {
		size_t held = queue_size(queue);
		if (held + size > queue->capacity) {
			if (!grow(queue, held + size))
				return false;
		} else {
			memmove(queue->bytes, queue->bytes + queue->start, held);
			queue->start = 0;
			queue->end = held;
		}
	}
	memcpy(queue->bytes + queue->end, bytes, size);
	queue->end += size;
	return true;
}

void queue_take(struct queue *queue, size_t size)
{
	queue->start += size;
	if (queue->start == queue->end)
		queue_clear(queue);
}

void queue_clear(struct queue *queue)
{
	pages_unmap(queue->bytes, queue->capacity);
	*queue = (struct queue){0};
}
