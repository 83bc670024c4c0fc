/* Waiting for the shim, and entering namespaces. */
#include "init.h"

#include "handshake.h"

#include <net/if.h>
#include <netinet/in.h>

int init_follow_shim(struct init *init)
{
	if (plan_has(init->plan, OP_OUTLIVE_SHIM))
		return 0;
	FAIL_IF(init, prctl(PR_SET_PDEATHSIG, SIGKILL) != 0, "prctl PR_SET_PDEATHSIG", "");
	/* It may have died just before; its end of the socket then is closed. */
	char byte;
	if (recv(init->handshake, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		_exit(127);
	return 0;
}

int init_await_settled(struct init *init, const struct plan_operation *operation)
{
	int tasks[PLAN_MAX_JOINS];
	size_t count = PLAN_MAX_JOINS;
	FAIL_IF(init, handshake_await(init->handshake, HANDSHAKE_SETTLED, tasks, &count) != 0, "wait for the shim", "");
	/* The n-th file is that of the n-th `cgroup_join`. */
	operation = &init->plan->operations[init->plan->clone];
	for (size_t i = 0; i < count; i++) {
		scoped_fd file = tasks[i];
		do
			operation++;
		while (operation->shape->code != OP_CGROUP_JOIN);
		if (write(file, "0", 1) == 1)
			continue;
		init->failure->operation = operation - init->plan->operations;
		return FAIL(init, "write to tasks", operation->cgroup_join.host);
	}
	/* Groups may have been made since init began. */
	return plan_has(init->plan, OP_BECOME_ROOT) ? path_preopen(init) : 0;
}

int init_await_go(struct init *init, unused const struct plan_operation *operation)
{
	size_t none = 0;
	if (handshake_send(init->handshake, HANDSHAKE_CREATED, NULL, NULL, 0) != 0 ||
	    handshake_await(init->handshake, HANDSHAKE_GO, NULL, &none) != 0)
		return FAIL(init, "wait for the start", "");
	return 0;
}

int init_outlive_shim(unused struct init *init, unused const struct plan_operation *operation)
{
	/* It counts for the plan as a whole: init_follow_shim. */
	return 0;
}

int init_await_start(struct init *init, unused const struct plan_operation *operation)
{
	char byte;
	ssize_t size;
	if (init_close_descriptors(init) != 0)
		return -1;
	FAIL_IF(init, handshake_send(init->handshake, HANDSHAKE_CREATED, NULL, NULL, 0) != 0, "report of the creation", "");
	do
		size = read(init->host->fds[HOST_START], &byte, 1);
	while (size < 0 && errno == EINTR);
	FAIL_IF(init, size != 1, "wait for the start", "");
	init->released = true;
	return 0;
}

void init_tell_result(const struct init *init)
{
	const struct failure *failure = init->failure;
	char text[sizeof(*failure) + 64];
	int size = snprintf(text, sizeof(text), "%" PRId64 " %d %s\n%s", failure->operation, failure->error, failure->step,
			    failure->path);
	(void)write(init->host->fds[HOST_RESULT], text, (size_t)size);
}

/* After entering a mount namespace its root is the container's. */
static int take_root(struct init *init)
{
	close_scoped(&init->root);
	init->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(init, init->root < 0, "open", "/");
	/* Only mounts of the own namespace can be cloned. */
	return init->null_device < 0 ? 0 : init_prepare_null(init);
}

int init_namespace_join(struct init *init, const struct plan_operation *operation)
{
	uint64_t type = operation->namespace_join.type;
	const char *path = operation->namespace_join.host;
	scoped_fd namespace = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FAIL_IF(init, namespace < 0, "open", path);
	FAIL_IF(init, setns(namespace, (int)type) != 0, "setns", path);
	if (init_follow_shim(init) != 0)
		return -1;
	return type == CLONE_NEWNS ? take_root(init) : 0;
}

int init_join_init(struct init *init, const struct plan_operation *operation)
{
	uint64_t flags = operation->join_init.flags & ~init->plan->entered;
	/* So from birth (launch.c); once more here, where it is needed. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	errno = ESRCH;
	FAIL_IF(init, init->host->fds[HOST_INIT] < 0, "join of the container's init", "");
	FAIL_IF(init, flags != 0 && setns(init->host->fds[HOST_INIT], (int)flags) != 0, "setns", "");
	if (init_follow_shim(init) != 0)
		return -1;
	return take_root(init);
}

int init_time_namespace(struct init *init, const struct plan_operation *operation)
{
	FAIL_IF(init, unshare(KERNEL_CLONE_NEWTIME) != 0, "unshare of the time namespace", "");
	if (init_write_procfs(init, init->procfs, "self/timens_offsets", operation->time_namespace.offsets) != 0)
		return -1;
	/* Children would be born into it; this process has to enter. */
	scoped_fd namespace = openat(init->procfs, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	FAIL_IF(init, namespace < 0, "open", "/proc/self/ns/time_for_children");
	return setns(namespace, KERNEL_CLONE_NEWTIME) == 0 ? 0 : FAIL(init, "setns to the time namespace", "");
}

int init_loopback_up(struct init *init, unused const struct plan_operation *operation)
{
	struct ifreq request = { .ifr_name = "lo" };
	request.ifr_flags = IFF_UP;
	scoped_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	FAIL_IF(init, fd < 0, "socket", "");
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : FAIL(init, "ioctl SIOCSIFFLAGS", "lo");
}
