/*
 * Stands for conmon and containerd's shim: runs a command as a subreaper, prctl(2) PR_SET_CHILD_SUBREAPER, and then waits
 * for every orphan that comes to it. Each end is a line on stdout: "PID CODE", the code 128 + N for signal N. Ends when
 * it has no children left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return 2;
	pid_t command = fork();
	if (command < 0)
		return 2;
	if (command == 0) {
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	for (;;) {
		int status;
		pid_t ended = wait(&status);
		if (ended < 0)
			return 0;
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		printf("%d %d%s\n", (int)ended, code, ended == command ? " command" : "");
		(void)fflush(stdout);
	}
}
