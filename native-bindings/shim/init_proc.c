/* Kernel parameters and labels through a verified procfs, and what a single system call does. */
#include "init.h"

#include "host.h"

#define ROOT_INODE_OF_PROCFS 1

int init_open_procfs(struct init *init)
{
	struct statfs filesystem;
	struct stat status;
	init->procfs = init->host->fds[HOST_PROCFS];
	if (init->procfs < 0)
		init->procfs = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (init->procfs < 0 || fstatfs(init->procfs, &filesystem) != 0 || fstat(init->procfs, &status) != 0)
		return FAIL(init, "open", "/proc");
	errno = EXDEV;
	if (filesystem.f_type != MAGIC_PROC || status.st_ino != ROOT_INODE_OF_PROCFS)
		return FAIL(init, "the host has no procfs there", "/proc");
	FAIL_IF(init, readlinkat(init->procfs, "self", init->host_pid, sizeof(init->host_pid) - 1) < 0, "readlink", "/proc/self");
	return 0;
}

int init_write_procfs(struct init *init, int directory, const char *name, const char *value)
{
	/* Symlinks ("self") are of procfs's own making. */
	uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	scoped_fd fd = kernel_open(directory, name, O_WRONLY, resolve);
	FAIL_IF(init, fd < 0, "openat2 in procfs", name);
	return host_write(fd, value) == 0 ? 0 : FAIL(init, "write to procfs", name);
}

/* A name with ".." must not lead out of the directory. */
static int write_below(struct init *init, const char *directory, const char *name, const char *value)
{
	scoped_fd base = kernel_open(init->procfs, directory, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	FAIL_IF(init, base < 0, "openat2 in procfs", directory);
	return init_write_procfs(init, base, name, value);
}

int init_sysctl(struct init *init, const struct plan_operation *operation)
{
	return write_below(init, "sys", operation->sysctl.key, operation->sysctl.value);
}

int init_label(struct init *init, const struct plan_operation *operation)
{
	return write_below(init, "self/attr", operation->label.file, operation->label.value);
}

int init_system_call(struct init *init, const struct plan_operation *operation)
{
	struct plan_list list = operation->system_call.arguments;
	uint64_t values[6] = { 0 };
	for (size_t i = 0; list.count > 0; i++)
		values[i] = plan_next_number(&list);
	if (operation->system_call.buffer_argument >= 0)
		values[operation->system_call.buffer_argument] = (uintptr_t)operation->system_call.buffer.at;
	long number = (long)operation->system_call.number;
	long result = syscall(number, values[0], values[1], values[2], values[3], values[4], values[5]);
	bool fine = result >= 0 || errno == (int)operation->system_call.tolerated;
	return fine ? 0 : FAIL(init, operation->system_call.name, "");
}
