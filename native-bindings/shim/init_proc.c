/* What a process has besides its identity: kernel parameters through a verified procfs, names, limits, keyring, umask. */
#include "init.h"

#include "host.h"

#include <sys/resource.h>

#define ROOT_INODE_OF_PROCFS 1

int init_open_procfs(struct init *init)
{
	struct statfs filesystem;
	struct stat status;
	init->procfs = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (init->procfs < 0 || fstatfs(init->procfs, &filesystem) != 0 || fstat(init->procfs, &status) != 0)
		return FAIL(init, "open", "/proc");
	errno = EXDEV;
	if (filesystem.f_type != MAGIC_PROC || status.st_ino != ROOT_INODE_OF_PROCFS)
		return FAIL(init, "the host has no procfs there", "/proc");
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

int init_sysctl(struct init *init, const struct plan_operation *operation)
{
	/* A name with ".." must not lead out of it. */
	scoped_fd parameters = kernel_open(init->procfs, "sys", O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	FAIL_IF(init, parameters < 0, "openat2 in procfs", "sys");
	return init_write_procfs(init, parameters, operation->sysctl.key, operation->sysctl.value);
}

int init_hostname(struct init *init, const struct plan_operation *operation)
{
	const char *name = operation->hostname.name;
	return sethostname(name, strlen(name)) == 0 ? 0 : FAIL(init, "sethostname", name);
}

int init_domainname(struct init *init, const struct plan_operation *operation)
{
	const char *name = operation->domainname.name;
	return setdomainname(name, strlen(name)) == 0 ? 0 : FAIL(init, "setdomainname", name);
}

int init_rlimit(struct init *init, const struct plan_operation *operation)
{
	/* struct rlimit64 of the kernel. */
	const uint64_t limit[2] = { operation->rlimit.soft, operation->rlimit.hard };
	FAIL_IF(init, syscall(SYS_prlimit64, 0, (unsigned)operation->rlimit.resource, limit, NULL) != 0, "prlimit", "");
	return 0;
}

#define KEYCTL_JOIN_SESSION_KEYRING 1

int init_keyring(struct init *init, const struct plan_operation *operation)
{
	/* A kernel without keyrings has none to hand down either. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, operation->keyring.name) < 0 && errno != ENOSYS)
		return FAIL(init, "keyctl", "");
	return 0;
}

int init_umask(struct init *init, const struct plan_operation *operation)
{
	(void)init;
	(void)umask((mode_t)operation->umask.mask & 0777);
	return 0;
}
