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
	int cgroup;        /* for CLONE_INTO_CGROUP, -1: none */
	int pid_namespace; /* for the child, a pidfd or a namespace; -1: the shim's own */
	int tasks[PLAN_MAX_JOINS];
	size_t task_count;
};

/* All operations, as host_<name>: 0, or -1 with the failure. */
typedef int host_operation(struct host *host, const struct plan_operation *operation);
#define HOST_OPERATION(code, name) host_operation host_##name;
PLAN_SHIM_OPERATIONS(HOST_OPERATION)
#undef HOST_OPERATION

/* Does the shim's operations with indices in [from, to). 0, or -1 with `failure`. */
int host_run(struct host *host, size_t from, size_t to);
void host_end(struct host *host);

/* One write(2) of `value` to what is open in `fd`. 0, or -1 with errno. */
int host_write(int fd, const char *value);

#endif
