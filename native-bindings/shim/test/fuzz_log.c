/*
 * libFuzzer entry: any bytes are the output of a program, in pieces of any size, and what is written of them is a log
 * of docker's format: lines of printable UTF-8, each whole, as JSON has strings. Runs in the sandbox.
 */
#include "log.h"
#include "supervise.h"

#define PATH "/log"
/* Behind what log_write is given. */
#define READABLE 64
#define TAIL "Z\"}\n"
/* A line of one byte is a record of so many; with more the log would outgrow what the sandbox lets a file be. */
#define RECORD_MOST 80
#define LOG_MOST (768 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Decides on everything that is not output: the format, and how much is read at a time. */
struct choices {
	uint8_t json, eager, rotates;
	uint8_t repeats; /* how often a piece comes: so few bytes are long lines */
	uint16_t piece;
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "log: %s\n", what);
	abort();
}

/* Text without control characters and quotes, but for escaped ones; where it ends. */
static const uint8_t *skip_string(const uint8_t *at)
{
	for (; *at != '"'; at++) {
		require(*at >= ' ', "a control character");
		require(*at != '<' && *at != '>' && *at != '&', "a character that Go escapes");
		if (*at == '\\')
			require(strchr("\"\\nru", *++at) != NULL, "an escape");
	}
	return at;
}

static void look_at_log(void)
{
	static uint8_t text[1 << 20];
	scoped_fd fd = open(PATH, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[size] = 0;
	for (const uint8_t *at = text; at < text + size;) {
		require(memcmp(at, "{\"log\":\"", 8) == 0, "the beginning of a record");
		at = skip_string(at + 8);
		require(memcmp(at, "\",\"stream\":\"std", 15) == 0, "the end of the text");
		at = (const uint8_t *)strchr((const char *)at, '\n');
		require(at != NULL && memcmp(at + 1 - strlen(TAIL), TAIL, strlen(TAIL)) == 0, "the end of a record");
		at++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct choices choices;
	struct log log;
	if (size < sizeof(choices))
		return 0;
	memcpy(&choices, bytes, sizeof(choices));
	bytes += sizeof(choices);
	size -= sizeof(choices);
	uint8_t *buffer = malloc(SCRATCH_SIZE);
	(void)unlink(PATH);
	if (log_open(&log, PATH, choices.json % 4 != 0, choices.rotates % 4 == 0 ? 5000 : 0, 3) != 0)
		abort();
	log.eager = choices.eager % 4 == 0;
	const size_t most = choices.piece % 40000 + 1U;
	for (size_t at = 0, turn = 0; at < size; turn++) {
		const size_t count = size - at < most ? size - at : most;
		uint8_t *piece = malloc(count + READABLE);
		memcpy(piece, bytes + at, count);
		memset(piece + count, '\n', READABLE);
		for (int times = 0; times <= choices.repeats % 8 && log.size + count * RECORD_MOST < LOG_MOST; times++)
			log_write(&log, turn % 3 == 2, piece, count, buffer);
		free(piece);
		at += count;
	}
	log_settle(&log, buffer);
	const bool json = log.json;
	log_close(&log);
	free(buffer);
	if (json)
		look_at_log();
	return 0;
}
