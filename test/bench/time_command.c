/*
 * Times a command from outside, by posix_spawn and waitpid, so that the measure costs a fraction of a millisecond.
 *
 *     time_command COUNT COMMAND [ARG…]     "%d" in an argument becomes the number of the run; prints milliseconds
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < atoi(argv[1]); i++) {
		char *args[argc];
		char numbered[argc][256];
		for (int a = 2; a < argc; a++) {
			char *place = strstr(argv[a], "%d");
			args[a - 2] = argv[a];
			if (place) {
				snprintf(numbered[a], sizeof(numbered[a]), "%.*s%d-%d%s", (int)(place - argv[a]), argv[a], getpid(), i, place + 2);
				args[a - 2] = numbered[a];
			}
		}
		args[argc - 2] = NULL;
		pid_t pid;
		int status;
		double began = now();
		if (posix_spawnp(&pid, args[0], &actions, NULL, args, environ) != 0 || waitpid(pid, &status, 0) < 0)
			return 1;
		double took = now() - began;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "time_command: %s ended with status %d\n", args[0], status);
			return 1;
		}
		printf("%.3f\n", took);
	}
	return 0;
}
