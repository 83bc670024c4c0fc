/* Bytes waiting to be written to a descriptor. Takes no memory while it is empty. */
#pragma once

#include "kernel.h"

struct queue {
	uint8_t *bytes; /* its own pages, given back to the kernel as soon as the queue is empty */
	size_t start;
	size_t end;
	size_t capacity;
};

static inline size_t queue_size(const struct queue *queue)
{
	return queue->end - queue->start;
}

/* False where there is no memory; the queue is as before then. */
bool queue_push(struct queue *queue, const uint8_t *bytes, size_t size);
/* The first `size` bytes were written. */
void queue_take(struct queue *queue, size_t size);
void queue_clear(struct queue *queue);

/* Memory of whole pages, zeroed; NULL where there is none. */
void *pages_map(size_t size);
/* NULL is fine. */
void pages_unmap(void *pages, size_t size);
