/* What went wrong, in the terms the user is told: operation of the plan, step, errno, path. */
#ifndef TARE_FAILURE_H
#define TARE_FAILURE_H

#include <limits.h>
#include <stdint.h>

struct failure {
	int64_t operation; /* index in the plan; -1: no operation was at fault */
	int error;         /* errno, 0 if there is none */
	char step[64];     /* what was being done: "openat2", "fsconfig lowerdir", "garbled plan" */
	char path[PATH_MAX];
};

/* Fills in all but `operation` (which the loop over the plan knows) and returns -1; errno is kept. */
int failure_set(struct failure *failure, int error, const char *step, const char *path);

/* Appends `text` to the step, as far as it has room. */
void failure_append(struct failure *failure, const char *text);

#endif
