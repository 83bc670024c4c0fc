/* The small init that a container may have: process 1, which passes signals on to the program and reaps. */
#include "init.h"

#include "handshake.h"

#include <sys/mman.h>

#define REAPER_NAME "tare-init"

/*
 * Others in the container see the name and the arguments of process 1: not those of the shim, which it still has. Where the
 * last byte of the arguments is not NUL they are shown up to the first one alone (fs/proc/base.c, get_mm_cmdline).
 */
static void take_name(char *title, size_t size)
{
	(void)prctl(PR_SET_NAME, REAPER_NAME);
	if (size <= sizeof(REAPER_NAME))
		return;
	memset(title, 0, size);
	memcpy(title, REAPER_NAME, sizeof(REAPER_NAME));
	title[size - 1] = '.';
}

/* The whole pages of it go back: they are this process's alone by now. */
static void give_back(const void *bytes, size_t size)
{
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)bytes + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)bytes + size) & ~(page - 1);
	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Ends as the program has, and everything else in the container with it. */
static void reap(pid_t program)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == program)
			_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

/*
 * Why this process exists: to process 1 the kernel gives no signal that it has no handler for, and all orphans, of which
 * most programs know nothing. It was never executed: it stays the shim's copy, undumpable, whose binary is sealed, and
 * has nothing open. All signals are blocked, none of which is ignored then, and taken one by one.
 */
static _Noreturn void stay(const struct init *init, pid_t program, int pidfd)
{
	char byte;
	sigset_t all;
	/* Without a word from here the start has failed, and with this process all that was begun ends. */
	if (handshake_send(init->handshake, HANDSHAKE_EXECUTED, NULL, &pidfd, 1) != 0)
		_exit(127);
	/* Until the shim has looked at the program, which so is not reaped before; then it hangs up. */
	while (read(init->handshake, &byte, 1) > 0)
		;
	(void)syscall(SYS_close_range, 0, ~0U, 0);
	give_back(init->host->request->plan, init->host->request->plan_size);
	give_back(init->plan->operations, init->plan->count * sizeof(*init->plan->operations));
	(void)sigfillset(&all);
	for (;;) {
		int number = sigwaitinfo(&all, NULL);
		if (number == SIGCHLD)
			reap(program);
		else if (number > 0)
			(void)kill(program, number);
	}
}

int init_reaper(struct init *init, unused const struct plan_operation *operation)
{
	const sigset_t none = { 0 };
	sigset_t all;
	int pidfd = -1;
	if (init_close_descriptors(init) != 0)
		return -1;
	/* Before there is anybody to see it. */
	take_name(init->host->request->title, init->host->request->title_size);
	/* Where it is not process 1, in the pid namespace of others. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	/* It comes back when the child has come to execve or to its end. Not clone3, which filters refuse. */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_VFORK | KERNEL_CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);
	FAIL_IF(init, pid < 0, "clone", "");
	if (pid > 0)
		stay(init, pid, pidfd);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	FAIL_IF(init, setpgid(0, 0) != 0, "setpgid", "");
	/* SIGTTOU is blocked still. */
	if (init->has_terminal)
		(void)tcsetpgrp(STDIN_FILENO, getpid());
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}
