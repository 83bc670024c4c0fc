/* The shim's side of a launch: its own operations, the clone, and what init says until it is the user's program. */
#define _GNU_SOURCE
#include "launch.h"

#include "handshake.h"
#include "host.h"
#include "init.h"
#include "kernel.h"
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* P_PIDFD, which not every libc names. */
#define WAIT_PIDFD ((idtype_t)3)

static void close_and_forget(int *fd)
{
	close_scoped(fd);
	*fd = -1;
}

/* Ends the child, reaps it, removes its groups. Returns the signal that it had died of already, or 0. */
static int end_child(struct launch *launch)
{
	siginfo_t ended = { 0 };
	if (launch->pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, launch->pidfd, SIGKILL, NULL, 0);
		while (waitid(WAIT_PIDFD, (id_t)launch->pidfd, &ended, WEXITED) != 0 && errno == EINTR)
			;
	}
	close_and_forget(&launch->pidfd);
	close_and_forget(&launch->handshake);
	close_and_forget(&launch->terminal);
	launch_groups_remove(&launch->groups);
	return ended.si_code == CLD_KILLED || ended.si_code == CLD_DUMPED ? ended.si_status : 0;
}

/*
 * Whether the child has got past execve: PF_FORKNOEXEC of field 9 of /proc/PID/stat, which zombies have too. The
 * end of the handshake alone does not tell, for a killed init closes it as well. The child is not yet reaped, so
 * its number is its own.
 */
static bool has_executed(const struct launch *launch)
{
	char path[64], stat[512];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)launch->pid);
	scoped_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (size <= 0)
		return false;
	stat[size] = 0;
	unsigned flags;
	const char *after_name = strrchr(stat, ')');
	return after_name != NULL && sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       (flags & 0x40) == 0;
}

/* clone3 without shared memory; in the child init_run takes over and does not come back. */
static int clone_child(struct host *host, const int ends[2])
{
	struct launch *launch = host->launch;
	const struct plan *plan = host->plan;
	int pidfd = -1;
	struct kernel_clone_args args = {
		.flags = plan->operations[plan->clone].clone.flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	if (host->cgroup >= 0) {
		args.flags |= KERNEL_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)host->cgroup;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		/* Otherwise init would never see the shim's end hung up. */
		(void)close(ends[0]);
		const struct init_request request = {
			.plan = plan,
			.handshake = ends[1],
			.init_pidfd = host->request->init_pidfd,
			.stdio = { host->request->stdio[0], host->request->stdio[1], host->request->stdio[2] },
		};
		init_run(&request);
	}
	HOST_FAIL_IF(pid < 0, "clone3", "");
	launch->pid = pid;
	launch->pidfd = pidfd;
	return 0;
}

/* The same, with the child in another pid namespace; the shim's own children go back to the shim's after it. */
static int clone_into_pid_namespace(struct host *host, const int ends[2])
{
	if (host->pid_namespace < 0)
		return clone_child(host, ends);
	scoped_fd own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	HOST_FAIL_IF(own < 0, "open", "/proc/self/ns/pid");
	if (setns(host->pid_namespace, CLONE_NEWPID) != 0)
		return host_fail(host, "setns to the pid namespace", "");
	int result = clone_child(host, ends);
	if (setns(own, CLONE_NEWPID) != 0)
		result = host_fail(host, "setns back to the own pid namespace", "");
	return result;
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
	HOST_FAIL_IF(handshake_open(ends) != 0, "socketpair", "");
	host->launch->handshake = ends[0];
	scoped_fd of_init = ends[1];
	int result = clone_into_pid_namespace(host, ends);
	if (result != 0)
		host->failure->operation = (int64_t)host->plan->clone;
	close_and_forget(&of_init);
	if (result != 0)
		return -1;
	if (host_run(host, host->plan->clone + 1, host->plan->count) != 0) {
		prefer_failure_of_init(host->launch, host->failure);
		return -1;
	}
	/* Nobody is there to be told only where init has failed; launch_step finds out why. */
	if (plan_has(host->plan, OP_AWAIT_SETTLED))
		(void)handshake_send_settled(host->launch->handshake, host->tasks, host->task_count);
	return 0;
}

int launch_begin(struct launch *launch, const struct launch_request *request, struct failure *failure)
{
	*launch = (struct launch){ .pidfd = -1, .handshake = -1, .terminal = -1 };
	*failure = (struct failure){ .operation = -1 };
	struct plan plan;
	if (plan_parse(&plan, request->plan, request->plan_size, failure) != 0)
		return -1;
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
	(void)failure_set(failure, 0, "init ended before execve", "");
	if (signal != 0)
		(void)snprintf(failure->step, sizeof(failure->step), "init was killed by signal %d", signal);
	return LAUNCH_FAILED;
}

enum launch_state launch_step(struct launch *launch, struct failure *failure)
{
	struct handshake_message message = { 0 };
	int master;
	int received;
	while ((received = handshake_receive(launch->handshake, &message, &master)) == 1) {
		switch (message.kind) {
		case HANDSHAKE_TERMINAL:
			close_scoped(&launch->terminal);
			launch->terminal = master;
			break;
		case HANDSHAKE_CREATED:
			return LAUNCH_CREATED;
		case HANDSHAKE_FAILED:
			(void)end_child(launch);
			*failure = message.failure;
			return LAUNCH_FAILED;
		default:
			close_scoped(&master);
			break;
		}
	}
	if (received < 0 && errno == EAGAIN)
		return LAUNCH_PENDING;
	if (received < 0 || !has_executed(launch))
		return ended_early(launch, failure);
	close_and_forget(&launch->handshake);
	return LAUNCH_STARTED;
}

int launch_go(struct launch *launch)
{
	return handshake_send_go(launch->handshake);
}

void launch_free(struct launch *launch)
{
	close_and_forget(&launch->handshake);
	close_and_forget(&launch->terminal);
}
