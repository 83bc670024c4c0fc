/* What went wrong, in the terms the user is told: operation of the plan, step, errno, path. */
#pragma once

#include <limits.h>
#include <stdint.h>

struct failure {
	int64_t operation; /* index in the plan; -1: no operation was at fault */
	int error;         /* errno, 0 if there is none */
	char step[64];     /* what was being done: "openat2", "fsconfig lowerdir", "garbled plan" */
	char path[PATH_MAX];
};

/* Fills in all but `operation` (which the loop over the plan knows) and returns -1; `step` as for printf(3). */
__attribute__((format(printf, 4, 5))) int failure_set(struct failure *failure, int error, const char *path,
						      const char *step, ...);

/* The same from errno, for whoever has a `failure`: the host's and init's operations. */
#define FAIL(self, step, path) failure_set((self)->failure, errno, path, "%s", step)
#define FAIL_IF(self, condition, step, path) \
	do { \
		if (condition) \
			return FAIL(self, step, path); \
	} while (0)
