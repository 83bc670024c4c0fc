/*
 * libFuzzer entry: any bytes are what a client says to an attended shim. In the place of the interpreter stands one
 * whose processes do nothing; how their launch goes is decided by the first byte of the plan. Runs in the sandbox.
 */
#include "process.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* A process each: more would find nothing more. */
#define MOST_LAUNCHES 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* -- the interpreter's door, launch.h --------------------------------------------------------------------- */

enum { SAYS_FAILED, SAYS_CREATED, SAYS_STARTED, SAYS_NOTHING };

static int launches;

int launch_begin(struct launch *launch, const struct launch_request *request, struct failure *failure)
{
	int ends[2], pidfd = -1;
	*launch = (struct launch){ .pidfd = -1, .handshake = -1, .terminal = -1 };
	*failure = (struct failure){ .operation = -1 };
	if (launches++ >= MOST_LAUNCHES || request->plan_size == 0)
		return failure_set(failure, EINVAL, "/path", "garbled plan");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return failure_set(failure, errno, "", "socketpair");
	struct kernel_clone_args args = { .flags = KERNEL_CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		/* It ends by itself, is killed, or goes with the sandbox. */
		if (request->plan[0] % 2 == 0)
			(void)pause();
		_exit(request->plan[0]);
	}
	/* What is readable is asked for its state. */
	const uint8_t says = request->plan[0] / 2 % 4;
	(void)send(ends[1], &says, says == SAYS_NOTHING ? 0 : 1, 0);
	(void)close(ends[1]);
	launch->pid = pid;
	launch->pidfd = pidfd;
	launch->handshake = ends[0];
	return pid < 0 ? failure_set(failure, errno, "", "clone3") : 0;
}

enum launch_state launch_step(struct launch *launch, struct failure *failure)
{
	uint8_t says = SAYS_STARTED;
	siginfo_t ended;
	(void)recv(launch->handshake, &says, 1, MSG_DONTWAIT);
	if (says == SAYS_CREATED)
		return LAUNCH_CREATED;
	close_and_forget(&launch->handshake);
	if (says == SAYS_STARTED)
		return LAUNCH_STARTED;
	(void)kernel_signal(launch->pidfd, SIGKILL);
	(void)waitid((idtype_t)KERNEL_P_PIDFD, (id_t)launch->pidfd, &ended, WEXITED);
	close_and_forget(&launch->pidfd);
	(void)failure_set(failure, 0, "", "init ended before execve");
	return LAUNCH_FAILED;
}

int launch_go(struct launch *launch)
{
	(void)launch;
	return 0;
}

void launch_free(struct launch *launch)
{
	close_and_forget(&launch->handshake);
}

void launch_groups_remove(struct launch *launch)
{
	(void)launch;
}

uint64_t launch_stat_field(pid_t pid, int field, uint64_t otherwise)
{
	(void)pid, (void)field;
	return otherwise;
}

ssize_t launch_read_text(const char *path, char *text, size_t room)
{
	(void)path, (void)room;
	text[0] = 0;
	return -1;
}

/* -- the supervisor --------------------------------------------------------------------------------------- */

static void end_process(struct shim *shim, struct process *process)
{
	siginfo_t ended;
	watch_close(shim, &process->handshake);
	if (process->pidfd.fd >= 0) {
		(void)kernel_signal(process->pidfd.fd, SIGKILL);
		(void)waitid((idtype_t)KERNEL_P_PIDFD, (id_t)process->pidfd.fd, &ended, WEXITED);
	}
	close_and_forget(&process->mount_namespace);
	process_free(shim, process);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct shim shim = { .epoll = -1, .oom_score = -1, .home = -1, .attended = true };
	int ends[2];
	shim.listener.fd = shim.signals.fd = -1;
	launches = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return 0;
	/* What the socket does not hold is left out; nobody reads the answers. */
	(void)send(ends[1], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(ends[1], SHUT_WR);
	if (supervise_attend(&shim, ends[0]) != 0 || supervise_run(&shim) != 0)
		abort();
	while (shim.processes != NULL)
		end_process(&shim, shim.processes);
	(void)close(ends[1]);
	watch_close(&shim, &shim.signals);
	(void)close(shim.epoll);
	pages_unmap(shim.scratch, SCRATCH_COUNT * SCRATCH_SIZE);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	return 0;
}
