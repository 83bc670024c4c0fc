/*
 * The log as docker's json-file has it, byte for byte what dockerd writes of the same output: a line of the program is a
 * record, once its end has come; one of more than LINE_BYTES is several, of which the last alone has the newline, and all
 * the time of the first. Text is escaped as in Go's encoding/json, and what is not UTF-8 becomes U+FFFD.
 */
#include "log.h"

#include "supervise.h"

/* All of a record but its text. */
#define FRAME_BYTES 96
/* What a byte of the text may become: \u0000. */
#define ESCAPED_BYTES 6

_Static_assert(ESCAPED_BYTES * LINE_BYTES + FRAME_BYTES <= SCRATCH_SIZE, "a record fits");

/* The bytes of the UTF-8 sequence at `at`; 0 where it is none: too short or long, a surrogate, above U+10FFFF. */
static size_t sequence(const uint8_t *at, size_t size)
{
	uint8_t first = at[0];
	size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (length == 0 || length > size)
		return 0;
	uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (at[1] < least || at[1] > most)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

static uint8_t *put_escape(uint8_t *to, unsigned code)
{
	static const char digits[] = "0123456789abcdef";
	*to++ = '\\';
	*to++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*to++ = (uint8_t)digits[code >> shift & 0xf];
	return to;
}

static bool is_plain(uint8_t byte)
{
	return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

static uint8_t *put_text(uint8_t *to, const uint8_t *at, size_t size)
{
	for (const uint8_t *end = at + size; at < end;) {
		if (is_plain(*at)) {
			*to++ = *at++;
			continue;
		}
		size_t length = *at < 0x80 ? 1 : sequence(at, (size_t)(end - at));
		/* U+2028 and U+2029, which JavaScript takes for line ends. */
		bool separates = length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8;
		if (length == 0) {
			to = put_escape(to, 0xfffd);
			length = 1;
		} else if (*at == '"' || *at == '\\' || *at == '\r') {
			*to++ = '\\';
			*to++ = *at == '\r' ? 'r' : *at;
		} else if (length == 1 || separates) {
			to = put_escape(to, separates ? 0x2000U + (at[2] & 0x3fU) : *at);
		} else {
			memcpy(to, at, length);
			to += length;
		}
		at += length;
	}
	return to;
}

static void make_tail(struct log_tail *tail, bool is_stderr, uint64_t at)
{
	char time[TIME_TEXT_MAX];
	size_t end = time_text(time, at) - 1;
	/* Go tells no more of a second than there is. */
	while (time[end - 1] == '0')
		end--;
	if (time[end - 1] == '.')
		end--;
	tail->at = at;
	tail->is_stderr = is_stderr;
	tail->size = (size_t)snprintf(tail->text, sizeof(tail->text), "\",\"stream\":\"%s\",\"time\":\"%.*sZ\"}\n",
	                              is_stderr ? "stderr" : "stdout", (int)end, time);
}

static uint8_t *put(uint8_t *to, const char *text, size_t size)
{
	memcpy(to, text, size);
	return to + size;
}

static void put_record(struct log *log, bool is_stderr, const uint8_t *text, size_t size, bool whole)
{
	struct log_line *line = &log->lines[is_stderr];
	struct log_tail *tail = &log->tail;
	uint64_t at = line->since != 0 ? line->since : log->now;
	if (tail->at != at || tail->is_stderr != is_stderr)
		make_tail(tail, is_stderr, at);
	/* dockerd looks at what a file has before it writes, and not at what is to come. */
	uint8_t *record = log_room(log, ESCAPED_BYTES * size + FRAME_BYTES, 1);
	uint8_t *to = put_text(put(record, "{\"log\":\"", 8), text, size);
	to = put(to, "\\n", whole ? 2 : 0);
	log->used += (size_t)(put(to, tail->text, tail->size) - record);
	line->since = whole ? 0 : at;
}

/* Puts the lines and pieces that lie in the bytes whole; how many bytes those are. */
static size_t put_whole(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	while (done < size) {
		size_t most = size - done < LINE_BYTES ? size - done : LINE_BYTES;
		const uint8_t *newline = memchr(bytes + done, '\n', most);
		if (newline == NULL && most < LINE_BYTES)
			break;
		size_t length = newline == NULL ? most : (size_t)(newline - bytes) - done;
		put_record(log, is_stderr, bytes + done, length, newline != NULL);
		done += length + (newline != NULL);
	}
	return done;
}

/* Where there is no memory to hold it back it is put as a piece. */
static void hold(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size)
{
	if (size > 0 && (log->eager || !queue_push(&log->lines[is_stderr].begun, bytes, size)))
		put_record(log, is_stderr, bytes, size, false);
}

static void settle(struct log *log, bool is_stderr)
{
	struct queue *begun = &log->lines[is_stderr].begun;
	if (queue_size(begun) > 0)
		put_record(log, is_stderr, begun->bytes + begun->start, queue_size(begun), false);
	queue_clear(begun);
}

void log_put_json(struct log *log, bool is_stderr, const uint8_t *bytes, size_t size)
{
	log->now = time_now();
	struct queue *begun = &log->lines[is_stderr].begun;
	size_t held = queue_size(begun);
	if (held > 0) {
		/* As much as makes that line whole, or a piece of it: the rest is put from where it lies. */
		size_t more = size < LINE_BYTES - held ? size : LINE_BYTES - held;
		const uint8_t *newline = memchr(bytes, '\n', more);
		if (newline != NULL)
			more = (size_t)(newline - bytes) + 1;
		if (queue_push(begun, bytes, more)) {
			queue_take(begun, put_whole(log, is_stderr, begun->bytes + begun->start, queue_size(begun)));
			bytes += more;
			size -= more;
		} else {
			settle(log, is_stderr);
		}
	}
	size_t done = put_whole(log, is_stderr, bytes, size);
	hold(log, is_stderr, bytes + done, size - done);
}

void log_settle_json(struct log *log)
{
	log->now = time_now();
	settle(log, false);
	settle(log, true);
}
