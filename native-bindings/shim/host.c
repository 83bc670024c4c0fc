/* The loop over the shim's operations, and those that are not about control groups. */
#define _GNU_SOURCE
#include "host.h"

#include "kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

int host_fail(struct host *host, const char *step, const char *path)
{
	return failure_set(host->failure, errno, step, path);
}

int host_write(int fd, const char *value)
{
	size_t size = strlen(value);
	ssize_t written = write(fd, value, size);
	if (written >= 0 && (size_t)written != size)
		errno = EIO;
	return written == (ssize_t)size ? 0 : -1;
}

static int write_path(struct host *host, const char *path, const char *value)
{
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC);
	HOST_FAIL_IF(fd < 0, "open", path);
	return host_write(fd, value) == 0 ? 0 : host_fail(host, "write", path);
}

/* The child cannot be reaped by anyone else meanwhile, so its number stays its own. */
static int write_child(struct host *host, const char *name, const char *value)
{
	char path[64];
	struct statfs status;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)host->launch->pid, name);
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	HOST_FAIL_IF(fd < 0 || fstatfs(fd, &status) != 0, "open of the child's procfs file", name);
	errno = EXDEV;
	HOST_FAIL_IF(status.f_type != MAGIC_PROC, "no procfs is mounted", "/proc");
	return host_write(fd, value) == 0 ? 0 : host_fail(host, "write to the child's procfs file", name);
}

/*
 * Pipes belong to the shim's user; root of the container, who is another one on the host, could not open
 * /dev/stdout again. Where it fails nothing more than that is lost.
 */
static void give_stdio(struct host *host, const char *map)
{
	unsigned long inside, outside;
	for (const char *line = map; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lu %lu", &inside, &outside) != 2 || inside != 0)
			continue;
		for (int i = 0; i < 3; i++) {
			struct stat status;
			if (fstat(host->request->stdio[i], &status) == 0 &&
			    (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
				(void)fchown(host->request->stdio[i], (uid_t)outside, (gid_t)-1);
		}
		return;
	}
}

static int gid_map(struct host *host, const struct plan_operation *operation)
{
	if (operation->gid_map.deny_setgroups != 0 && write_child(host, "setgroups", "deny") != 0)
		return -1;
	return write_child(host, "gid_map", operation->gid_map.map);
}

static int uid_map(struct host *host, const struct plan_operation *operation)
{
	if (write_child(host, "uid_map", operation->uid_map.map) != 0)
		return -1;
	give_stdio(host, operation->uid_map.map);
	return 0;
}

static int oom_score_adj(struct host *host, const struct plan_operation *operation)
{
	char value[32];
	(void)snprintf(value, sizeof(value), "%" PRId64, operation->oom_score_adj.value);
	return write_child(host, "oom_score_adj", value);
}

static int join_pid_namespace(struct host *host, const struct plan_operation *operation)
{
	if (host->pid_namespace >= 0) {
		errno = EINVAL;
		return host_fail(host, "join of a second pid namespace", "");
	}
	if (operation->shape->code == OP_PID_NAMESPACE_OF_INIT) {
		host->pid_namespace = host->request->init_pidfd;
		errno = ESRCH;
		return host->pid_namespace >= 0 ? 0 : host_fail(host, "join of the container's init", "");
	}
	host->pid_namespace = open(operation->pid_namespace_join.host, O_RDONLY | O_CLOEXEC);
	host->owns_pid_namespace = true;
	return host->pid_namespace >= 0 ? 0 : host_fail(host, "open", operation->pid_namespace_join.host);
}

static int cgroup_into(struct host *host, const struct plan_operation *operation)
{
	if (host->cgroup >= 0)
		(void)close(host->cgroup);
	host->cgroup = open(operation->cgroup_into.host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return host->cgroup >= 0 ? 0 : host_fail(host, "open", operation->cgroup_into.host);
}

static int run_one(struct host *host, const struct plan_operation *operation)
{
	switch (operation->shape->code) {
	case OP_CGROUP_MAKE:
		return host_cgroup_make(host, operation->cgroup_make.host);
	case OP_CGROUP_WRITE:
		return write_path(host, operation->cgroup_write.host, operation->cgroup_write.value);
	case OP_CGROUP_JOIN:
		return host_cgroup_join(host, operation->cgroup_join.host);
	case OP_CGROUP_INTO:
		return cgroup_into(host, operation);
	case OP_CGROUP_DEVICES:
		return host_cgroup_devices(host, operation->cgroup_devices.host, operation->cgroup_devices.program);
	case OP_PID_NAMESPACE_JOIN:
	case OP_PID_NAMESPACE_OF_INIT:
		return join_pid_namespace(host, operation);
	case OP_UID_MAP:
		return uid_map(host, operation);
	case OP_GID_MAP:
		return gid_map(host, operation);
	case OP_OOM_SCORE_ADJ:
		return oom_score_adj(host, operation);
	default:
		errno = ENOSYS;
		return host_fail(host, "operation without code", operation->shape->name);
	}
}

void host_begin(struct host *host)
{
	host->cgroup = host->pid_namespace = -1;
}

int host_run(struct host *host, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct plan_operation *operation = &host->plan->operations[i];
		if (operation->shape->room != ROOM_SHIM || operation->shape->code == OP_CLONE)
			continue;
		if (run_one(host, operation) != 0) {
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
	host->task_count = 0;
	close_scoped(&host->cgroup);
	if (host->owns_pid_namespace)
		close_scoped(&host->pid_namespace);
}
