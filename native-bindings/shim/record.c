/* The exit record on disk, and what the control group says of the end. */
#define _GNU_SOURCE
#include "record.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES 256
/* memory.events and memory.oom_control are a few short lines. */
#define OOM_BYTES 1024

static int write_synced(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	errno = 0;
	ssize_t count = write(fd, text, size);
	/* A short write without an error is a disk that filled up half-way. */
	int error = count == (ssize_t)size ? 0 : errno != 0 ? errno : ENOSPC;
	if (error == 0 && fsync(fd) != 0)
		error = errno;
	(void)close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}

int record_write(const char *path, const struct exit_record *record)
{
	char at[TIME_TEXT_MAX];
	(void)time_text(at, record->ended_at);
	char text[RECORD_BYTES];
	int size = snprintf(text, sizeof(text),
	                    "{\"version\":1,\"code\":%llu,\"signal\":%llu,\"oom_kills\":%llu,\"at\":\"%s\"}\n",
	                    (unsigned long long)record->code, (unsigned long long)record->signal,
	                    (unsigned long long)record->oom_kills, at);
	char *temporary = NULL;
	if (asprintf(&temporary, "%s.tmp", path) < 0)
		return -1;
	int result = write_synced(temporary, text, (size_t)size);
	if (result == 0)
		result = rename(temporary, path);
	if (result != 0) {
		int error = errno;
		(void)unlink(temporary);
		errno = error;
	}
	free(temporary);
	return result;
}

uint64_t record_read_oom_kills(const char *path)
{
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char text[OOM_BYTES];
	ssize_t size = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	static const char key[] = "oom_kill ";
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return strtoull(line + sizeof(key) - 1, NULL, 10);
	}
	return 0;
}
