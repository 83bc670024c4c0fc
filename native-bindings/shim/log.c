/* The container's log: formatting, rotation. */
#include "log.h"

#include "supervise.h"

/* Lines are written together, this much at a time; more would be faster only by little, and weigh. */
#define BATCH_BYTES (48 * 1024)
/* Copied in one go of constant size, which the compiler turns into a few moves, where a call costs more than the copy. */
#define SHORT_BYTES 64
#define NANOSECONDS 1000000000U

_Static_assert(LINE_BYTES + 3 * SHORT_BYTES <= BATCH_BYTES && BATCH_BYTES <= SCRATCH_SIZE, "a line fits");

uint64_t time_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

size_t time_text(char text[TIME_TEXT_MAX], uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / NANOSECONDS);
	struct tm utc = {0};
	(void)gmtime_r(&seconds, &utc);
	size_t size = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	size += (size_t)snprintf(text + size, TIME_TEXT_MAX - size, ".%09uZ", (unsigned)(nanoseconds % NANOSECONDS));
	return size;
}

static void open_file(struct log *log)
{
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat status;
	log->size = log->fd >= 0 && fstat(log->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

int log_open(struct log *log, const char *path, bool json, uint64_t max_bytes, uint64_t max_files)
{
	*log = (struct log){.fd = -1, .json = json, .max_bytes = max_bytes, .max_files = max_files};
	if (path[0] == '\0')
		return 0;
	log->path = strdup(path);
	if (log->path == NULL)
		return -1;
	open_file(log);
	return log->fd >= 0 ? 0 : -1;
}

void log_close(struct log *log)
{
	for (size_t i = 0; i < 2; i++)
		queue_clear(&log->lines[i].begun);
	close_and_forget(&log->fd);
	free(log->path);
	log->path = NULL;
}

/* The path of the log (0) or of one that was rotated. */
static const char *numbered(const struct log *log, uint64_t number, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, number == 0 ? "%s" : "%s.%llu", log->path, (unsigned long long)number);
	return path;
}

/* log.N-2 becomes log.N-1, …, log becomes log.1; the oldest is replaced. A gap in the row is fine. */
static bool shift_files(const struct log *log)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (log->max_files <= 1)
		return unlink(log->path) == 0;
	uint64_t last = 1;
	while (last < log->max_files - 1 && access(numbered(log, last, to), F_OK) == 0)
		last++;
	bool shifted = false;
	for (; last > 0; last--)
		shifted = rename(numbered(log, last - 1, from), numbered(log, last, to)) == 0;
	return shifted;
}

static void rotate(struct log *log)
{
	/* Where the files cannot be moved the log goes on as it is, until as much again was written. */
	if (!shift_files(log)) {
		log->size = 0;
		return;
	}
	(void)close(log->fd);
	open_file(log);
}

/* A line must not be left half: the next one would continue it. */
static void write_lines(struct log *log, const uint8_t *bytes, size_t size)
{
	if (log->fd < 0)
		open_file(log);
	if (log->fd < 0)
		return;
	size_t done = 0;
	while (done < size) {
		ssize_t count = write(log->fd, bytes + done, size - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		done += (size_t)count;
	}
	if (done > 0 && done < size && bytes[done - 1] != '\n') {
		const uint8_t *newline = memrchr(bytes, '\n', done);
		size_t whole = newline == NULL ? 0 : (size_t)(newline - bytes) + 1;
		off_t end = lseek(log->fd, 0, SEEK_END);
		if (end >= (off_t)(done - whole) && ftruncate(log->fd, end - (off_t)(done - whole)) == 0)
			done = whole;
	}
	log->size += done;
}

static void flush(struct log *log)
{
	if (log->used > 0)
		write_lines(log, log->buffer, log->used);
	log->used = 0;
}

uint8_t *log_room(struct log *log, size_t size, size_t counted)
{
	uint64_t before = log->size + log->used;
	if (log->max_bytes != 0 && before > 0 && before + counted > log->max_bytes) {
		flush(log);
		if (log->fd >= 0 && log->size > 0)
			rotate(log);
	}
	if (log->used + size + SHORT_BYTES > BATCH_BYTES)
		flush(log);
	return log->buffer + log->used;
}

/* May read and write up to SHORT_BYTES beyond; both buffers have that much room. Returns where it ends. */
static uint8_t *copy(uint8_t *to, const uint8_t *from, size_t size)
{
	if (size <= SHORT_BYTES)
		memcpy(to, from, SHORT_BYTES);
	else
		memcpy(to, from, size);
	return to + size;
}

static void put_cri(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size)
{
	uint8_t prefix[SHORT_BYTES] = {0};
	size_t prefix_size = time_text((char *)prefix, time_now());
	prefix_size += (size_t)snprintf((char *)prefix + prefix_size, sizeof(prefix) - prefix_size, " %s F ",
	                                is_stderr ? "stderr" : "stdout");
	for (const uint8_t *at = bytes, *end = bytes + size; at < end;) {
		size_t most = (size_t)(end - at) < LINE_BYTES ? (size_t)(end - at) : LINE_BYTES;
		const uint8_t *newline = memchr(at, '\n', most);
		size_t length = newline != NULL ? (size_t)(newline - at) : most;
		uint8_t *line = log_room(log, prefix_size + length + 1, prefix_size + length + 1);
		memcpy(line, prefix, SHORT_BYTES);
		if (newline == NULL)
			line[prefix_size - 2] = 'P';
		*copy(line + prefix_size, at, length) = '\n';
		log->used += prefix_size + length + 1;
		at += length + (newline != NULL);
	}
}

void log_write(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size, uint8_t *buffer)
{
	if (log->path == NULL || buffer == NULL)
		return;
	log->buffer = buffer;
	if (log->json)
		log_put_json(log, is_stderr, bytes, size);
	else
		put_cri(log, is_stderr, bytes, size);
	flush(log);
}

void log_settle(struct log *log, uint8_t *buffer)
{
	if (!log->json || log->path == NULL || buffer == NULL)
		return;
	log->buffer = buffer;
	log_settle_json(log);
	flush(log);
}
