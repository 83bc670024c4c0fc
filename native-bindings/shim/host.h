/* The operations of the plan that the shim does itself, as root on the host. */
#pragma once

#include "launch.h"
#include "plan.h"

/* What the shim opens before the clone, for it and for the child, which inherits all of it close-on-exec. */
enum {
	HOST_CGROUP, /* for CLONE_INTO_CGROUP */
	HOST_INIT,   /* pidfd of the container's init, where that is another process */
	HOST_START,  /* the pipes of `start_pipe` */
	HOST_RESULT,
	HOST_PROCFS, /* of those who are born in another mount namespace */
	HOST_CONNECTIONS, /* one for each CONNECT_* */
	HOST_FDS = HOST_CONNECTIONS + CONNECT_PURPOSES,
};

/* A namespace that the child is born in. */
struct host_birth {
	int fd, type;     /* a namespace's descriptor or a pidfd, and the CLONE_NEW* flag */
	size_t operation; /* its index in the plan */
	const char *path;
};

struct host {
	const struct plan *plan;
	const struct launch_request *request;
	struct launch *launch;
	struct failure *failure;
	int fds[HOST_FDS]; /* -1: none */
	struct host_birth births[PLAN_MAX_BIRTHS];
	size_t birth_count;
	int tasks[PLAN_MAX_JOINS];
	size_t task_count;
	int trees[PLAN_MAX_TREES];
	size_t tree_count;
	pid_t intermediate; /* to be reaped; 0: none */
};

/* All operations, as host_<name>: 0, or -1 with the failure. */
typedef int host_operation(struct host *host, const struct plan_operation *operation);
#define HOST_OPERATION(code, name) host_operation host_##name;
PLAN_SHIM_OPERATIONS(HOST_OPERATION)
#undef HOST_OPERATION

/* Does the shim's operations with indices in [from, to). 0, or -1 with `failure`. */
int host_run(struct host *host, size_t from, size_t to);
/* To be called first, and host_end last: closes all that was opened. */
void host_begin(struct host *host);
void host_end(struct host *host);

/* Takes `fd` as fds[which], in place of an earlier one. 0, or -1 with the failure of `step` where `fd` is -1 with errno. */
int host_keep(struct host *host, int which, int fd, const char *step, const char *path);

/* One write(2) of `value` to what is open in `fd`. 0, or -1 with errno. */
int host_write(int fd, const char *value);
