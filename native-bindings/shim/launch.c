/* The shim's side of a launch: its own operations, the clone, and what init says until it is the user's program. */
#include "launch.h"

#include "handshake.h"
#include "host.h"
#include "init.h"

#define PF_FORKNOEXEC 0x40

/* Ends the child, reaps it, removes its groups. Returns the signal that it had died of already, or 0. */
static int end_child(struct launch *launch)
{
	siginfo_t ended = { 0 };
	if (launch->pidfd >= 0) {
		(void)kernel_signal(launch->pidfd, SIGKILL);
		while (waitid((idtype_t)KERNEL_P_PIDFD, (id_t)launch->pidfd, &ended, WEXITED) != 0 && errno == EINTR)
			;
	}
	close_and_forget(&launch->pidfd);
	launch_free(launch);
	launch_groups_remove(launch);
	return ended.si_code == CLD_KILLED || ended.si_code == CLD_DUMPED ? ended.si_status : 0;
}

void launch_give_stdio(const int stdio[3], uid_t uid, gid_t gid)
{
	for (int i = 0; i < 3; i++) {
		struct stat status;
		if (fstat(stdio[i], &status) == 0 && status.st_uid != uid && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
			(void)fchown(stdio[i], uid, gid);
	}
}

ssize_t launch_read_text(const char *path, char *text, size_t room)
{
	scoped_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, room - 1);
	text[size < 0 ? 0 : size] = 0;
	return size;
}

uint64_t launch_stat_field(pid_t pid, int field, uint64_t otherwise)
{
	char path[64], stat[1024];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	const char *at = launch_read_text(path, stat, sizeof(stat)) < 0 ? NULL : strrchr(stat, ')');
	for (int blanks = field - 2; at != NULL && blanks > 0; blanks--)
		at = strchr(at + 1, ' ');
	return at == NULL ? otherwise : strtoull(at + 1, NULL, 10);
}

/*
 * Whether the child has got past execve: PF_FORKNOEXEC among the flags of /proc/PID/stat, which zombies have too. The
 * end of the handshake alone does not tell, for a killed init closes it as well. The child is not yet reaped, so
 * its number is its own.
 */
static bool has_executed(pid_t pid)
{
	return (launch_stat_field(pid, 9, PF_FORKNOEXEC) & PF_FORKNOEXEC) == 0;
}

/* The number of a process in our own pid namespace; 0 where that is not to be known. */
static pid_t pid_behind(int pidfd)
{
	char path[64], text[512];
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	const char *at = launch_read_text(path, text, sizeof(text)) < 0 ? NULL : strstr(text, "\nPid:");
	return at == NULL ? 0 : (pid_t)strtol(at + sizeof("\nPid:") - 1, NULL, 10);
}

/*
 * Whether the network namespace that the plan wants is the one that the caller is in. Not where there is a user namespace:
 * that is to own it, and the one at hand is the host's.
 */
static bool takes_network(const struct host *host)
{
	uint64_t flags = host->plan->operations[host->plan->clone].clone.flags;
	return host->request->home >= 0 && (flags & CLONE_NEWNET) != 0 && ((flags | host->plan->births) & CLONE_NEWUSER) == 0;
}

/*
 * clone3 without shared memory; in the child init_run takes over and does not come back. `parent` is 0, or CLONE_PARENT
 * for a child of the caller's parent; `result` -1, or what only the caller may hold. The pid, -1 with the failure.
 */
static pid_t clone_init(struct host *host, const int ends[2], uint64_t parent, int result, int *pidfd)
{
	const struct plan *plan = host->plan;
	struct kernel_clone_args args = {
		.flags = plan->operations[plan->clone].clone.flags | KERNEL_CLONE_PIDFD | parent,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = parent != 0 ? 0 : SIGCHLD, /* that of the parent's own child, then */
	};
	if (takes_network(host))
		args.flags &= ~(uint64_t)CLONE_NEWNET;
	if (host->fds[HOST_CGROUP] >= 0) {
		args.flags |= KERNEL_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)host->fds[HOST_CGROUP];
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		/* Otherwise init would never see the shim's end hung up, nor the shim that of an intermediate. */
		(void)close(ends[0]);
		(void)close(result);
		init_run(host, ends[1]);
	}
	host->failure->operation = (int64_t)plan->clone;
	return pid >= 0 ? pid : FAIL(host, "clone3", "");
}

struct birth {
	pid_t pid; /* -1: `failure` says why */
	struct failure failure;
};

static int enter_births(struct host *host, bool user)
{
	for (size_t i = 0; i < host->birth_count; i++) {
		const struct host_birth *birth = &host->births[i];
		host->failure->operation = (int64_t)birth->operation;
		if ((birth->type == CLONE_NEWUSER) == user && setns(birth->fd, birth->type) != 0)
			return FAIL(host, "setns", birth->path);
	}
	return 0;
}

/*
 * Most of what `join_init` names, before the birth: in the pid namespace of the container others see the child, and with
 * CAP_SYS_PTRACE look through its eyes (/proc/PID/root), which then are not to be on the host's files any more. Left to the
 * child are the namespace of the user, with which it loses the rights that it still needs, and that of control groups, from
 * inside which nobody can be born into a group.
 */
static int enter_namespaces_of_init(struct host *host)
{
	uint64_t entered = host->plan->entered;
	int group = host->fds[HOST_CGROUP];
	/* From these, which the child has open, ".." would lead to the host's root, but that detached they have nothing above. */
	if (entered != 0 && group >= 0 && host_keep(host, HOST_CGROUP, kernel_clone_tree(group, "", false), "open_tree", "") != 0)
		return -1;
	if (entered != 0 && (host->plan->rules & RULE_NEEDS_PROCFS) != 0 &&
	    host_keep(host, HOST_PROCFS, kernel_clone_tree(AT_FDCWD, "/proc", false), "open_tree", "/proc") != 0)
		return -1;
	return entered == 0 || setns(host->fds[HOST_INIT], (int)entered) == 0 ? 0 : FAIL(host, "setns", "");
}

/*
 * Why this process exists: a child is born in the namespaces of whoever clones it, and the shim must stay in its own. That
 * of the user comes last, for what is entered with it takes the rights of the host's root. It stays root of the host,
 * and undumpable, so that nobody who lives in those namespaces can reach into it or into its child.
 */
static _Noreturn void run_intermediate(struct host *host, const int ends[2], int result)
{
	struct birth birth = { .pid = -1 };
	host->failure = &birth.failure;
	int pidfd = -1;
	if (enter_births(host, false) == 0 && enter_namespaces_of_init(host) == 0 && enter_births(host, true) == 0)
		birth.pid = clone_init(host, ends, CLONE_PARENT, result, &pidfd);
	_exit(write(result, &birth, sizeof(birth)) == (ssize_t)sizeof(birth) ? 0 : 1);
}

/*
 * The same by an intermediate process, which host_end reaps: its end need not be waited for here. The child is the shim's
 * own, and not yet reaped: its number stays its own.
 */
static pid_t clone_by_intermediate(struct host *host, const int ends[2], int *pidfd)
{
	int pipe[2];
	struct birth birth;
	struct kernel_clone_args args = { .exit_signal = SIGCHLD };
	FAIL_IF(host, pipe2(pipe, O_CLOEXEC) != 0, "pipe2", "");
	scoped_fd output = pipe[0], input = pipe[1];
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		run_intermediate(host, ends, input);
	FAIL_IF(host, pid < 0, "clone3", "");
	host->intermediate = pid;
	close_and_forget(&input);
	errno = EPIPE;
	FAIL_IF(host, read(output, &birth, sizeof(birth)) != (ssize_t)sizeof(birth), "end of the intermediate process", "");
	*pidfd = birth.pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, birth.pid, 0);
	if (birth.pid < 0)
		*host->failure = birth.failure;
	return *pidfd >= 0 || birth.pid < 0 ? birth.pid : FAIL(host, "pidfd_open", "");
}

/*
 * The same where only the pid namespace is another: setns(2) changes that for children alone, so the shim itself can
 * enter it, and is back for its next child.
 */
static pid_t clone_into_pid_namespace(struct host *host, const int ends[2], int *pidfd)
{
	scoped_fd own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	FAIL_IF(host, own < 0, "open", "/proc/self/ns/pid");
	if (enter_births(host, false) != 0)
		return -1;
	pid_t pid = clone_init(host, ends, 0, -1, pidfd);
	return setns(own, CLONE_NEWPID) == 0 ? pid : FAIL(host, "setns back to the own pid namespace", "");
}

/* A child as the plan has it, in all namespaces that it is to be born in but that of the network. */
static pid_t clone_in_place(struct host *host, const int ends[2], int *pidfd)
{
	if (host->plan->births == 0)
		return clone_init(host, ends, 0, -1, pidfd);
	return host->plan->births == CLONE_NEWPID && host->plan->entered == 0 ? clone_into_pid_namespace(host, ends, pidfd)
									      : clone_by_intermediate(host, ends, pidfd);
}

static int go_home(struct host *host)
{
	return setns(host->request->home, CLONE_NEWNET) == 0 ? 0 : FAIL(host, "setns back to the own network namespace", "");
}

/*
 * The same in the network namespace that the plan wants. The caller is in no other than its own afterwards: one that it
 * held would outlive the container.
 */
static pid_t clone_child(struct host *host, const int ends[2], int *pidfd)
{
	bool takes = takes_network(host), leaves = host->request->home >= 0;
	host->failure->operation = (int64_t)host->plan->clone;
	if (leaves && !takes && go_home(host) != 0)
		return -1;
	pid_t pid = clone_in_place(host, ends, pidfd);
	return leaves && takes && go_home(host) != 0 ? -1 : pid;
}

/* What a failure of the shim's own operations really comes from, where init failed first. */
static void prefer_failure_of_init(struct launch *launch, struct failure *failure)
{
	struct handshake_message message;
	int master;
	while (handshake_receive(launch->handshake, &message, &master) == 1) {
		close_scoped(&master);
		if (message.kind == HANDSHAKE_FAILED)
			*failure = message.failure;
	}
}

static int clone_and_settle(struct host *host)
{
	int ends[2];
	FAIL_IF(host, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0, "socketpair", "");
	host->launch->handshake = ends[0];
	pid_t pid = clone_child(host, ends, &host->launch->pidfd);
	(void)close(ends[1]);
	if (pid < 0)
		return -1;
	host->launch->pid = pid;
	if (host_run(host, host->plan->clone + 1, host->plan->count) != 0) {
		prefer_failure_of_init(host->launch, host->failure);
		return -1;
	}
	/* Nobody is there to be told only where init has failed; launch_step finds out why. */
	if (plan_has(host->plan, OP_AWAIT_SETTLED))
		(void)handshake_send(host->launch->handshake, HANDSHAKE_SETTLED, NULL, host->tasks, host->task_count);
	return 0;
}

int launch_begin(struct launch *launch, const struct launch_request *request, struct failure *failure)
{
	*launch = (struct launch){ .pidfd = -1, .handshake = -1, .terminal = -1 };
	*failure = (struct failure){ .operation = -1 };
	struct plan plan;
	if (plan_parse(&plan, request->plan, request->plan_size, failure) != 0)
		return -1;
	launch->outlives = plan_has(&plan, OP_OUTLIVE_SHIM);
	struct host host = { .plan = &plan, .request = request, .launch = launch, .failure = failure };
	host_begin(&host);
	/* Inherited by the child, which so is never open to those whose namespaces it enters. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	int result = host_run(&host, 0, plan.clone);
	if (result == 0)
		result = clone_and_settle(&host);
	if (result != 0)
		(void)end_child(launch);
	host_end(&host);
	plan_release(&plan);
	return result;
}

static enum launch_state ended_early(struct launch *launch, struct failure *failure)
{
	int signal = end_child(launch);
	failure->operation = -1;
	(void)failure_set(failure, 0, "", signal != 0 ? "init was killed by signal %d" : "init ended before execve", signal);
	return LAUNCH_FAILED;
}

/* What is a reaper's child, whose number is its own as well until we hang up. */
static enum launch_state program_came(struct launch *launch, int pidfd, struct failure *failure)
{
	scoped_fd program = pidfd;
	if (has_executed(pid_behind(program))) {
		close_and_forget(&launch->handshake);
		return LAUNCH_STARTED;
	}
	(void)end_child(launch);
	failure->operation = -1;
	(void)failure_set(failure, 0, "", "the program was killed before execve");
	return LAUNCH_FAILED;
}

enum launch_state launch_step(struct launch *launch, struct failure *failure)
{
	struct handshake_message message;
	int fd, received;
	while ((received = handshake_receive(launch->handshake, &message, &fd)) == 1) {
		if (message.kind == HANDSHAKE_CREATED)
			return LAUNCH_CREATED;
		if (message.kind == HANDSHAKE_FAILED) {
			(void)end_child(launch);
			*failure = message.failure;
			return LAUNCH_FAILED;
		}
		if (message.kind == HANDSHAKE_EXECUTED)
			return program_came(launch, fd, failure);
		close_scoped(&launch->terminal);
		launch->terminal = fd;
	}
	if (received < 0 && errno == EAGAIN)
		return LAUNCH_PENDING;
	if (received < 0 || !has_executed(launch->pid))
		return ended_early(launch, failure);
	close_and_forget(&launch->handshake);
	return LAUNCH_STARTED;
}

int launch_go(struct launch *launch)
{
	return handshake_send(launch->handshake, HANDSHAKE_GO, NULL, NULL, 0);
}

void launch_free(struct launch *launch)
{
	close_and_forget(&launch->handshake);
	close_and_forget(&launch->terminal);
}
