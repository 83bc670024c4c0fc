/* The operations of the plan that the shim does itself, as root on the host. */
#ifndef TARE_HOST_H
#define TARE_HOST_H

#include "launch.h"
#include "plan.h"

struct host {
	const struct plan *plan;
	const struct launch_request *request;
	struct launch *launch;
	struct failure *failure;
	int cgroup;          /* for CLONE_INTO_CGROUP, -1: none */
	int pid_namespace;   /* for the child, a pidfd or a namespace; -1: the shim's own */
	bool owns_pid_namespace;
	int tasks[PLAN_MAX_JOINS];
	size_t task_count;
};

void host_begin(struct host *host);
/* Does the shim's operations with indices in [from, to). 0, or -1 with `failure`. */
int host_run(struct host *host, size_t from, size_t to);
void host_end(struct host *host);

/* Fills in `failure` from errno and returns -1. */
int host_fail(struct host *host, const char *step, const char *path);
#define HOST_FAIL_IF(condition, step, path) \
	do { \
		if (condition) \
			return host_fail(host, step, path); \
	} while (0)
/* One write(2) of `value` to what is open in `fd`. 0, or -1 with errno. */
int host_write(int fd, const char *value);

/* host_cgroups.c */
int host_cgroup_make(struct host *host, const char *path);
int host_cgroup_join(struct host *host, const char *path);
int host_cgroup_devices(struct host *host, const char *path, struct plan_bytes program);

#endif
