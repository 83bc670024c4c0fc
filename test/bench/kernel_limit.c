/*
 * The kernel's own limit for the life of a container: clone3 into all namespaces, nine mounts, pivot_root,
 * a control group in each v1 hierarchy, execve, wait, in sequence, and nothing else.
 *
 *     kernel_limit COUNT ROOTFS GROUP_NAME        prints milliseconds, one life a line
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "kernel_limit: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		fail(what);
}

static void child(const char *root)
{
	char *argv[] = { "/bin/true", NULL };
	char path[4096];
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
	must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), "bind");
	must(chdir(root), "chdir");
	must(mount("proc", "proc", "proc", 0, NULL), "proc");
	must(mount("tmpfs", "dev", "tmpfs", 0, "mode=755"), "dev");
	must(mkdir("dev/pts", 0755), "mkdir");
	must(mount("devpts", "dev/pts", "devpts", 0, "newinstance"), "devpts");
	must(mkdir("dev/shm", 0755), "mkdir");
	must(mount("shm", "dev/shm", "tmpfs", 0, NULL), "shm");
	must(mkdir("dev/mqueue", 0755), "mkdir");
	must(mount("mqueue", "dev/mqueue", "mqueue", 0, NULL), "mqueue");
	must(mount("sysfs", "sys", "sysfs", MS_RDONLY, NULL), "sysfs");
	snprintf(path, sizeof(path), "%s/proc/sys", root);
	must(mount(path, path, NULL, MS_BIND, NULL), "bind sys");
	must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "read-only");
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "chdir");
	execv(argv[0], argv);
	fail("execv");
}

static void join(const char *group, pid_t pid)
{
	char path[4200], number[32];
	if (snprintf(path, sizeof(path), "%s/cgroup.procs", group) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		fail(group);
	}
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd, path);
	int size = snprintf(number, sizeof(number), "%d", pid);
	must((int)write(fd, number, (size_t)size), path);
	close(fd);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void life(const char *root, char groups[][4096], int count)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	must(pid, "clone3");
	if (pid == 0)
		child(root);
	for (int i = 0; i < count; i++) {
		must(mkdir(groups[i], 0755), groups[i]);
		/* cpuset wants its CPUs and nodes before the first member; this limit leaves it empty. */
		if (!strstr(groups[i], "/cpuset/"))
			join(groups[i], pid);
	}
	int status;
	must(waitpid(pid, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		exit(1);
	for (int i = 0; i < count; i++)
		while (rmdir(groups[i]) < 0)
			if (errno != EBUSY)
				fail(groups[i]);
}

int main(int argc, char **argv)
{
	static char groups[32][4096];
	int count = 0;
	if (argc != 4)
		return 2;
	DIR *folder = opendir("/sys/fs/cgroup");
	if (!folder)
		fail("/sys/fs/cgroup");
	for (struct dirent *entry; (entry = readdir(folder)) && count < 32;) {
		char tasks[4096];
		snprintf(tasks, sizeof(tasks), "/sys/fs/cgroup/%s/tasks", entry->d_name);
		struct stat link;
		char path[4096];
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &link) < 0 || S_ISLNK(link.st_mode) || access(tasks, F_OK) < 0)
			continue;
		if (snprintf(groups[count++], sizeof(groups[0]), "/sys/fs/cgroup/%s/%s", entry->d_name, argv[3]) >= (int)sizeof(groups[0]))
			return 2;
	}
	closedir(folder);
	for (int i = atoi(argv[1]); i > 0; i--) {
		double began = now();
		life(argv[2], groups, count);
		printf("%.3f\n", now() - began);
	}
	return 0;
}
