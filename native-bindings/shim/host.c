/* The loop over the shim's operations, and those that are not about control groups. */
#include "host.h"

#include "filesystem.h"

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
	return write_child(host, "oom_score_adj", operation->oom_score_adj.value);
}

int host_keep(struct host *host, int which, int fd, const char *step, const char *path)
{
	FAIL_IF(host, fd < 0, step, path);
	close_scoped(&host->fds[which]);
	host->fds[which] = fd;
	return 0;
}

/* Takes `fd`, of a namespace or a pidfd. */
static int add_birth(struct host *host, const struct plan_operation *operation, int type, int fd, const char *path)
{
	FAIL_IF(host, fd < 0, "open", path);
	const size_t index = (size_t)(operation - host->plan->operations);
	host->births[host->birth_count++] = (struct host_birth){ fd, type, index, path };
	return 0;
}

int host_birth_namespace(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->birth_namespace.host;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return add_birth(host, operation, (int)operation->birth_namespace.type, fd, path);
}

int host_pid_namespace_of_init(struct host *host, const struct plan_operation *operation)
{
	errno = ESRCH;
	FAIL_IF(host, host->fds[HOST_INIT] < 0, "join of the container's init", "");
	return add_birth(host, operation, CLONE_NEWPID, fcntl(host->fds[HOST_INIT], F_DUPFD_CLOEXEC, 3), "");
}

int host_container_init(struct host *host, const struct plan_operation *operation)
{
	uint64_t pid = operation->container_init.pid;
	int fd = pid > INT32_MAX ? -1 : (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (host_keep(host, HOST_INIT, fd, "pidfd_open", "") != 0)
		return -1;
	/* In this order: the number may be another process's by now, but the descriptor stays what it is. */
	errno = ESRCH;
	FAIL_IF(host, launch_stat_field((pid_t)pid, 22, 0) != operation->container_init.start_time,
		"another process than the container's has its number", "");
	return 0;
}

int host_connect(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->connect.host;
	struct sockaddr_un address;
	int fd = wire_address(&address, path) != 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (host_keep(host, HOST_CONNECTIONS + (int)operation->connect.purpose, fd, "socket", path) != 0)
		return -1;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : FAIL(host, "connect", path);
}

/* -1 with errno, also where something else than a named pipe is there. */
static int open_pipe(const char *path, int flags)
{
	struct stat status;
	scoped_fd fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) != 0)
		return -1;
	errno = EINVAL;
	if (!S_ISFIFO(status.st_mode) || fcntl(fd, F_SETFL, 0) != 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int host_start_pipe(struct host *host, const struct plan_operation *operation)
{
	const char *start = operation->start_pipe.start;
	const char *result = operation->start_pipe.result;
	/* Writer of one's own: the end of others is no end for whoever waits. */
	if (host_keep(host, HOST_START, open_pipe(start, O_RDWR), "open of the pipe", start) != 0)
		return -1;
	/* A writer finds no pipe without a reader; and must be nothing else, for its end says that execve succeeded. */
	int reader = open_pipe(result, O_RDONLY);
	int kept = host_keep(host, HOST_RESULT, open_pipe(result, O_WRONLY), "open of the pipe", result);
	close_scoped(&reader);
	return kept;
}

/* What `path` leads to inside the directory, which no link of it leaves. -1 with the failure. */
static int open_below(struct host *host, const char *directory, const char *path)
{
	scoped_fd root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(host, root < 0, "open", directory);
	int place = kernel_open(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return place >= 0 ? place : FAIL(host, "openat2", path);
}

int host_bind_tree(struct host *host, const struct plan_operation *operation)
{
	const char *source = operation->bind_tree.source;
	const char *mapping = operation->bind_tree.user_namespace;
	bool mapped = mapping[0] != 0;
	scoped_fd namespace = mapped ? open(mapping, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	FAIL_IF(host, mapped && namespace < 0, "open", mapping);
	bool recursive = operation->bind_tree.recursive != 0;
	const char *below = operation->bind_tree.below;
	scoped_fd place = below[0] == 0 ? -1 : open_below(host, source, below);
	if (below[0] != 0 && place < 0)
		return -1;
	int tree = place >= 0 ? kernel_clone_tree(place, "", recursive) : kernel_clone_tree(AT_FDCWD, source, recursive);
	FAIL_IF(host, tree < 0, "open_tree", source);
	host->trees[host->tree_count++] = tree;
	const struct kernel_mount_attr map = { .attr_set = ATTR_IDMAP, .userns_fd = (uint64_t)namespace };
	FAIL_IF(host, mapped && kernel_change_mount(tree, operation->bind_tree.map_all != 0, map) != 0, "mount_setattr idmap", source);
	return 0;
}

/* -1 with the failure, and what was opened in `overlay`. */
static int open_overlay(struct host *host, const struct plan_operation *operation, struct overlay *overlay)
{
	struct plan_list lower = operation->overlay_tree.lower;
	const char *const writable[] = { operation->overlay_tree.upper, operation->overlay_tree.work };
	int *const places[] = { &overlay->upper, &overlay->work };
	while (lower.count > 0) {
		const char *path = plan_next_string(&lower);
		int fd = overlay->count < OVERLAY_MOST_LAYERS ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		FAIL_IF(host, fd < 0, "open of the lower directory", path);
		overlay->lower[overlay->count++] = fd;
	}
	for (size_t i = 0; i < 2 && writable[i][0] != 0; i++) {
		*places[i] = open(writable[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		FAIL_IF(host, *places[i] < 0, "open of the upper or work directory", writable[i]);
	}
	return 0;
}

int host_overlay_tree(struct host *host, const struct plan_operation *operation)
{
	struct overlay overlay = { .upper = -1, .work = -1, .is_volatile = operation->overlay_tree.volatile_ != 0 };
	int tree = open_overlay(host, operation, &overlay) != 0 ? -1 : overlay_mount(host->failure, &overlay, "");
	while (overlay.count > 0)
		close_scoped(&overlay.lower[--overlay.count]);
	close_scoped(&overlay.upper);
	close_scoped(&overlay.work);
	if (tree >= 0)
		host->trees[host->tree_count++] = tree;
	return tree < 0 ? -1 : 0;
}

/* In that mount namespace, of a root that its programs furnish: no link is followed. -1 with the failure. */
static int clone_foreign_tmpfs(struct host *host, const char *path)
{
	struct statfs filesystem;
	scoped_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd place = kernel_open(root, path, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	FAIL_IF(host, root < 0 || place < 0 || fstatfs(place, &filesystem) != 0, "openat2 in the namespace", path);
	errno = ENODEV;
	FAIL_IF(host, filesystem.f_type != MAGIC_TMPFS, "no tmpfs is there", path);
	int tree = kernel_clone_tree(place, "", false);
	return tree >= 0 ? tree : FAIL(host, "open_tree", path);
}

int host_joined_tree(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->joined_tree.namespace;
	scoped_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	scoped_fd namespace = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FAIL_IF(host, root < 0 || own < 0 || namespace < 0, "open", path);
	FAIL_IF(host, setns(namespace, CLONE_NEWNS) != 0, "setns", path);
	int tree = clone_foreign_tmpfs(host, operation->joined_tree.path);
	/* Back to the root as well, which need not be that of the namespace. */
	bool is_back = setns(own, CLONE_NEWNS) == 0 && fchdir(root) == 0 && chroot(".") == 0;
	if (tree >= 0)
		host->trees[host->tree_count++] = tree;
	FAIL_IF(host, !is_back, "setns back to the own mount namespace", "");
	return tree < 0 ? -1 : 0;
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

void host_begin(struct host *host)
{
	for (size_t i = 0; i < HOST_FDS; i++)
		host->fds[i] = -1;
	if (host->request->init_pidfd >= 0)
		host->fds[HOST_INIT] = fcntl(host->request->init_pidfd, F_DUPFD_CLOEXEC, 3);
}

void host_end(struct host *host)
{
	while (host->intermediate > 0 && waitpid(host->intermediate, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < HOST_FDS; i++)
		close_scoped(&host->fds[i]);
	for (size_t i = 0; i < host->birth_count; i++)
		close_scoped(&host->births[i].fd);
	for (size_t i = 0; i < host->task_count; i++)
		close_scoped(&host->tasks[i]);
	for (size_t i = 0; i < host->tree_count; i++)
		close_scoped(&host->trees[i]);
}
