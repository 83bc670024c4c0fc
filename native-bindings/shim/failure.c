#define _GNU_SOURCE
#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int failure_set(struct failure *failure, int error, const char *step, const char *path)
{
	int kept = errno;
	failure->error = error;
	(void)snprintf(failure->step, sizeof(failure->step), "%s", step);
	(void)snprintf(failure->path, sizeof(failure->path), "%s", path);
	errno = kept;
	return -1;
}

void failure_append(struct failure *failure, const char *text)
{
	size_t used = strlen(failure->step);
	size_t size = strnlen(text, sizeof(failure->step) - 1 - used);
	memcpy(failure->step + used, text, size);
	failure->step[used + size] = 0;
}
