/* The container's log in the format of the Kubernetes CRI: `2026-01-02T03:04:05.123456789Z stdout F text`. */
#pragma once

#include "kernel.h"

struct log {
	char *path; /* NULL: no log */
	int fd;     /* -1: cannot be opened just now */
	uint64_t size;
	uint64_t max_bytes; /* 0: never rotated */
	uint64_t max_files;
	uint8_t *buffer; /* during a log_write: its lines, of which `used` bytes are not written yet */
	size_t used;
};

/* The longest text of time_text, its NUL included. */
#define TIME_TEXT_MAX 40

/* Nanoseconds since 1970 as RFC 3339 in UTC with nine digits; the length. */
size_t time_text(char text[TIME_TEXT_MAX], uint64_t nanoseconds);
uint64_t time_now(void);

/* 0, or -1 with errno; `path` "" is no log. To be closed in any case. */
int log_open(struct log *log, const char *path, uint64_t max_bytes, uint64_t max_files);
/*
 * Writes what was read in one go, each line or piece of one (P) with the time of now. What the disk does not take
 * is lost: a full disk does not stop the container. `buffer` of SCRATCH_SIZE is used for the lines; after `bytes`
 * another 64 must be readable.
 */
void log_write(struct log *log, const char *stream, const uint8_t *bytes, size_t size, uint8_t *buffer);
void log_close(struct log *log);
