/* The exit record on disk, and what the control group says of the end. */
#include "record.h"

#include "launch.h"
#include "log.h"

#define RECORD_BYTES 256
/* memory.events and memory.oom_control are a few short lines. */
#define OOM_BYTES 1024
#define OOM_LINE "\noom_kill "

int record_write(const char *path, const struct exit_record *record)
{
	char at[TIME_TEXT_MAX], text[RECORD_BYTES], temporary[PATH_MAX];
	(void)time_text(at, record->ended_at);
	int size = snprintf(text, sizeof(text),
	                    "{\"version\":1,\"code\":%llu,\"signal\":%llu,\"oom_kills\":%llu,\"at\":\"%s\"}\n",
	                    (unsigned long long)record->code, (unsigned long long)record->signal,
	                    (unsigned long long)record->oom_kills, at);
	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	scoped_fd fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (write(fd, text, (size_t)size) == size && rename(temporary, path) == 0)
		return 0;
	(void)unlink(temporary);
	return -1;
}

uint64_t record_read_oom_kills(const char *path)
{
	char text[OOM_BYTES] = "\n";
	(void)launch_read_text(path, text + 1, sizeof(text) - 1);
	const char *line = strstr(text, OOM_LINE);
	return line == NULL ? 0 : strtoull(line + sizeof(OOM_LINE) - 1, NULL, 10);
}
