/* The loop over the shim's operations, and those that are not about control groups. */
#include "host.h"

#include <inttypes.h>

int host_write(int fd, const char *value)
{
	errno = EIO; /* of a short write, which sets none */
	return write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -1;
}

/* The child cannot be reaped by anyone else meanwhile, so its number stays its own. */
static int write_child(struct host *host, const char *name, const char *value)
{
	char path[64];
	struct statfs status;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)host->launch->pid, name);
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	FAIL_IF(host, fd < 0 || fstatfs(fd, &status) != 0, "open of the child's procfs file", name);
	errno = EXDEV;
	FAIL_IF(host, status.f_type != MAGIC_PROC, "no procfs is mounted", "/proc");
	return host_write(fd, value) == 0 ? 0 : FAIL(host, "write to the child's procfs file", name);
}

int host_gid_map(struct host *host, const struct plan_operation *operation)
{
	if (operation->gid_map.deny_setgroups != 0 && write_child(host, "setgroups", "deny") != 0)
		return -1;
	return write_child(host, "gid_map", operation->gid_map.map);
}

int host_uid_map(struct host *host, const struct plan_operation *operation)
{
	unsigned inside, outside;
	int size;
	if (write_child(host, "uid_map", operation->uid_map.map) != 0)
		return -1;
	for (const char *at = operation->uid_map.map; sscanf(at, "%u %u %*u%n", &inside, &outside, &size) == 2; at += size) {
		/* Root of the container is another one on the host, and could not open /dev/stdout again. */
		if (inside == 0)
			launch_give_stdio(host->request->stdio, outside, (gid_t)-1);
	}
	return 0;
}

int host_oom_score_adj(struct host *host, const struct plan_operation *operation)
{
	char value[32];
	(void)snprintf(value, sizeof(value), "%" PRId64, operation->oom_score_adj.value);
	return write_child(host, "oom_score_adj", value);
}

int host_pid_namespace_join(struct host *host, const struct plan_operation *operation)
{
	close_scoped(&host->pid_namespace);
	host->pid_namespace = open(operation->pid_namespace_join.host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return host->pid_namespace >= 0 ? 0 : FAIL(host, "open", operation->pid_namespace_join.host);
}

int host_pid_namespace_of_init(struct host *host, const struct plan_operation *operation)
{
	(void)operation;
	close_scoped(&host->pid_namespace);
	host->pid_namespace = fcntl(host->request->init_pidfd, F_DUPFD_CLOEXEC, 3);
	return host->pid_namespace >= 0 ? 0 : FAIL(host, "join of the container's init", "");
}

#define HOST_OPERATION(code, name) [OP_##code] = host_##name,
static host_operation *const operations[PLAN_MAX_CODE + 1] = { PLAN_SHIM_OPERATIONS(HOST_OPERATION) };

int host_run(struct host *host, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct plan_operation *operation = &host->plan->operations[i];
		if (operation->shape->room == ROOM_SHIM && operations[operation->shape->code](host, operation) != 0) {
			host->failure->operation = (int64_t)i;
			return -1;
		}
	}
	return 0;
}

void host_end(struct host *host)
{
	for (size_t i = 0; i < host->task_count; i++)
		close_scoped(&host->tasks[i]);
	close_scoped(&host->cgroup);
	close_scoped(&host->pid_namespace);
}
