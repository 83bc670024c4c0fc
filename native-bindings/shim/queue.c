/* Bytes waiting to be written to a descriptor. */
#include "queue.h"

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

bool queue_push(struct queue *queue, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return true;
	size_t held = queue_size(queue);
	if (size > queue->capacity - queue->end) {
		size_t capacity = SMALLEST_QUEUE;
		while (capacity < held + size)
			capacity *= 2;
		uint8_t *moved = pages_map(capacity);
		if (moved == NULL)
			return false;
		if (held > 0)
			memcpy(moved, queue->bytes + queue->start, held);
		pages_unmap(queue->bytes, queue->capacity);
		*queue = (struct queue){.bytes = moved, .end = held, .capacity = capacity};
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
