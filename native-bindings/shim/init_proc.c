/* What a process has besides its identity: kernel parameters through a verified procfs, names, limits, keyring, umask. */
#define _GNU_SOURCE
#include "init.h"

#include "kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define ROOT_INODE_OF_PROCFS 1

int init_open_procfs(struct init *init)
{
	struct statfs filesystem;
	struct stat status;
	init->procfs = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (init->procfs < 0 || fstatfs(init->procfs, &filesystem) != 0 || fstat(init->procfs, &status) != 0)
		return init_fail(init, "open", "/proc");
	errno = EXDEV;
	if (filesystem.f_type != MAGIC_PROC || status.st_ino != ROOT_INODE_OF_PROCFS)
		return init_fail(init, "the host has no procfs there", "/proc");
	return 0;
}

static int write_below(struct init *init, int directory, const char *name, const char *value)
{
	size_t size = strlen(value);
	/* Symlinks ("self") are of procfs's own making. */
	uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	scoped_fd fd = kernel_open(directory, name, O_WRONLY, resolve);
	FAIL_IF(fd < 0, "openat2 in procfs", name);
	return write(fd, value, size) == (ssize_t)size ? 0 : init_fail(init, "write to procfs", name);
}

int init_write_procfs(struct init *init, const char *name, const char *value)
{
	return write_below(init, init->procfs, name, value);
}

int init_sysctl(struct init *init, const struct plan_operation *operation)
{
	/* A name with ".." must not lead out of it. */
	scoped_fd parameters = kernel_open(init->procfs, "sys", O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	FAIL_IF(parameters < 0, "openat2 in procfs", "sys");
	return write_below(init, parameters, operation->sysctl.key, operation->sysctl.value);
}

int init_hostname(struct init *init, const struct plan_operation *operation)
{
	const char *name = operation->hostname.name;
	return sethostname(name, strlen(name)) == 0 ? 0 : init_fail(init, "sethostname", name);
}

int init_domainname(struct init *init, const struct plan_operation *operation)
{
	const char *name = operation->domainname.name;
	return setdomainname(name, strlen(name)) == 0 ? 0 : init_fail(init, "setdomainname", name);
}

int init_rlimit(struct init *init, const struct plan_operation *operation)
{
	/* struct rlimit64 of the kernel. */
	const uint64_t limit[2] = { operation->rlimit.soft, operation->rlimit.hard };
	FAIL_IF(syscall(SYS_prlimit64, 0, (unsigned)operation->rlimit.resource, limit, NULL) != 0, "prlimit", "");
	return 0;
}

#define KEYCTL_JOIN_SESSION_KEYRING 1

int init_keyring(struct init *init, const struct plan_operation *operation)
{
	/* A kernel without keyrings has none to hand down either. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, operation->keyring.name) < 0 && errno != ENOSYS)
		return init_fail(init, "keyctl", "");
	return 0;
}

int init_umask(struct init *init, const struct plan_operation *operation)
{
	(void)init;
	(void)umask((mode_t)operation->umask.mask & 0777);
	return 0;
}
