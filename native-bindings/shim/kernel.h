/*
 * What nearly every file here needs of libc, and the system calls that musl has no function for, with their
 * structures and constants: musl-gcc does not find the kernel's headers, and glibc's <sys/mount.h> has only some.
 * From include/uapi/linux/{sched,openat2,mount,fcntl,close_range,magic}.h.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct kernel_clone_args {
	_Alignas(8) uint64_t flags;
	uint64_t pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct kernel_open_how {
	uint64_t flags, mode, resolve;
};

struct kernel_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

#define KERNEL_CLONE_PIDFD 0x1000
#define KERNEL_CLONE_NEWTIME 0x80
#define KERNEL_CLONE_NEWCGROUP 0x02000000
#define KERNEL_CLONE_INTO_CGROUP 0x200000000ull
/* NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
#define KERNEL_CLONE_NAMESPACES (0x7e020000ull | KERNEL_CLONE_NEWTIME)
#define KERNEL_P_PIDFD 3
#define KERNEL_FACCESSAT2 439 /* on every architecture */
#define KERNEL_TIOCGPTPEER 0x5441
#define KERNEL_TIOCGPTN 0x80045430

#define RESOLVE_NO_XDEV 0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS 0x04
#define RESOLVE_BENEATH 0x08
#define RESOLVE_IN_ROOT 0x10

#define KERNEL_AT_RECURSIVE 0x8000
#define KERNEL_FSCLOEXEC 1 /* FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC */
#define KERNEL_TREE_CLONE (1 | O_CLOEXEC)
#define KERNEL_MOVE_EMPTY_PATHS (0x04 | 0x40) /* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH */

enum kernel_fsconfig { FSCONFIG_FLAG = 0, FSCONFIG_STRING = 1, FSCONFIG_CREATE = 6 };

#define ATTR_RDONLY 0x01
#define ATTR_NOSUID 0x02
#define ATTR_NODEV 0x04
#define ATTR_NOEXEC 0x08
#define ATTR_IDMAP 0x00100000

#define KERNEL_MS_MOVE 0x2000
#define KERNEL_MS_PRIVATE 0x40000
#define KERNEL_MS_REC 0x4000
#define KERNEL_MNT_DETACH 2

#define MAGIC_PROC 0x9fa0
#define MAGIC_DEVPTS 0x1cd1
#define MAGIC_TMPFS 0x01021994

static inline int kernel_open(int directory, const char *path, uint64_t flags, uint64_t resolve)
{
	struct kernel_open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

/* A detached clone of the mount at `path`; at `directory` itself where that is "". */
static inline int kernel_clone_tree(int directory, const char *path, bool recursive)
{
	unsigned flags = KERNEL_TREE_CLONE | (directory == AT_FDCWD ? 0 : AT_EMPTY_PATH);
	return (int)syscall(SYS_open_tree, directory, path, flags | (recursive ? KERNEL_AT_RECURSIVE : 0));
}

/* Attaches the mount at descriptor `mount` on the place at descriptor `target`. */
static inline int kernel_attach(int mount, int target)
{
	return (int)syscall(SYS_move_mount, mount, "", target, "", KERNEL_MOVE_EMPTY_PATHS);
}

/* Of the mount, with all below it where `recursive`. */
static inline int kernel_change_mount(int mount, bool recursive, struct kernel_mount_attr change)
{
	unsigned flags = AT_EMPTY_PATH | (recursive ? KERNEL_AT_RECURSIVE : 0);
	return (int)syscall(SYS_mount_setattr, mount, "", flags, &change, sizeof(change));
}

/* `propagation` is MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0. */
static inline int kernel_mount_setattr(int mount, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation)
{
	return kernel_change_mount(mount, recursive, (struct kernel_mount_attr){ set, clear, propagation, 0 });
}

static inline int kernel_signal(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static inline uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void close_scoped(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* A parameter that all functions of a table have, and this one does not need. */
#define unused __attribute__((unused))

/* A descriptor closed at the end of its scope; -1 is none. */
#define scoped_fd __attribute__((cleanup(close_scoped))) int

static inline void close_and_forget(int *fd)
{
	close_scoped(fd);
	*fd = -1;
}
