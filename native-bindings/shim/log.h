/*
 * The container's log: in the format of the Kubernetes CRI, `2026-01-02T03:04:05.123456789Z stdout F text`, or in docker's
 * json-file, `{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}`.
 */
#pragma once

#include "queue.h"

/* Longest text of one line of the log; longer ones of the program are several. */
#define LINE_BYTES (16 * 1024)

/* json-file: a line of the program that has no end yet. */
struct log_line {
	struct queue begun; /* less than LINE_BYTES */
	uint64_t since; /* when its first piece was written, whose time all have; 0: none was */
};

/* json-file: what stands behind the text of a record, as long as it is the same. */
struct log_tail {
	uint64_t at; /* the time in it */
	bool is_stderr;
	size_t size;
	char text[80];
};

struct log {
	char *path; /* NULL: no log */
	bool json;
	bool eager; /* json-file: somebody follows the log as it grows, so no line's beginning is held back */
	struct log_line lines[2]; /* of stdout and stderr */
	struct log_tail tail;
	uint64_t now; /* during a log_write, the time of its lines */
	int fd;     /* -1: cannot be opened just now */
	uint64_t size;
	uint64_t max_bytes; /* 0: never rotated */
	uint64_t max_files;
	uint8_t *buffer; /* during a log_write, SCRATCH_SIZE: its lines, of which `used` bytes are not written yet */
	size_t used;
};

/* The longest text of time_text, its NUL included. */
#define TIME_TEXT_MAX 40

/* Nanoseconds since 1970 as RFC 3339 in UTC with nine digits; the length. */
size_t time_text(char text[TIME_TEXT_MAX], uint64_t nanoseconds);
uint64_t time_now(void);

/* 0, or -1 with errno; `path` "" is no log. To be closed in any case. */
int log_open(struct log *log, const char *path, bool json, uint64_t max_bytes, uint64_t max_files);
/*
 * Writes what was read in one go, each line or piece of one (P) with the time of now. What the disk does not take
 * is lost: a full disk does not stop the container. `buffer` of SCRATCH_SIZE is used for the lines; after `bytes`
 * another 64 must be readable.
 */
void log_write(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size, uint8_t *buffer);
/* Writes what is held back of lines that have begun. */
void log_settle(struct log *log, uint8_t *buffer);
void log_close(struct log *log);

/* log.c, for log_json.c: room for `size` bytes of a line in log->buffer, behind a rotation where it and `counted` ask for one. */
uint8_t *log_room(struct log *log, size_t size, size_t counted);
/* log_json.c: the same for its format, into log->buffer. */
void log_put_json(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size);
void log_settle_json(struct log *log);
