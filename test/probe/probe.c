/*
 * Runs inside a container and reports what it sees, one "name value" a line; the tests compare.
 *
 *     probe fds | socket FAMILY_HEX | write-exe | ptrace PID | unshare FLAGS_HEX | open PATH | keyctl | uid
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static int report(const char *what, long result)
{
	printf("%s %s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
	return 0;
}

/* Open descriptors and where they lead, without the one that reads the folder. */
static int fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return report("opendir", -1);
	for (struct dirent *entry; (entry = readdir(folder));) {
		char target[4096];
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(folder))
			continue;
		ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = 0;
		printf("fd %s %s\n", entry->d_name, target);
	}
	closedir(folder);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *arg = argc > 2 ? argv[2] : "0";

	if (!strcmp(what, "fds"))
		return fds();
	if (!strcmp(what, "socket")) /* the family with all its 64 bits, as libseccomp #383 needs it */
		return report("socket", syscall(SYS_socket, strtoull(arg, NULL, 16), 1UL, 0UL));
	if (!strcmp(what, "write-exe"))
		return report("write-exe", open("/proc/1/exe", O_WRONLY));
	if (!strcmp(what, "ptrace"))
		return report("ptrace", ptrace(PTRACE_ATTACH, atoi(arg), NULL, NULL));
	if (!strcmp(what, "unshare"))
		return report("unshare", unshare((int)strtoul(arg, NULL, 16)));
	if (!strcmp(what, "open"))
		return report("open", open(arg, O_RDWR | O_NONBLOCK));
	if (!strcmp(what, "keyctl"))
		return report("keyctl", syscall(SYS_keyctl, 0, -3, 1));
	if (!strcmp(what, "clone3"))
		return report("clone3", syscall(SYS_clone3, NULL, 0UL));
	if (!strcmp(what, "uid")) {
		printf("uid %u gid %u\n", getuid(), getgid());
		return 0;
	}
	fprintf(stderr, "probe: what is %s?\n", what);
	return 2;
}
