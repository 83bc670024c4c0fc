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
	if (syscall((long)operation->system_call.number, values[0], values[1], values[2], values[3], values[4], values[5]) >= 0)
		return 0;
	return failure_set(init->failure, errno, "", "%s", operation->system_call.name);
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
