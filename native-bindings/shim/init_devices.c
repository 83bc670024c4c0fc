/* Directories, symlinks and device nodes in the root. */
#include "init.h"

int init_directory(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->directory.path;
	uid_t uid = (uid_t)operation->directory.uid;
	gid_t gid = (gid_t)operation->directory.gid;
	bool made;
	scoped_fd fd = path_make_directory(init, path, (mode_t)operation->directory.mode & 07777, &made);
	FAIL_IF(init, fd < 0, "mkdir", path);
	FAIL_IF(init, made && (uid != 0 || gid != 0) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0, "chown", path);
	return 0;
}

int init_symlink(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->symlink.path;
	const char *to = operation->symlink.to;
	const char *name;
	char standing[PATH_MAX];
	/* The links of /dev; others lie in mounts of the plan's own, as those of /sys/fs/cgroup do. */
	scoped_fd parent = path_open_parent(init, path, strncmp(path, "/dev/", 5) == 0 ? RESOLVE_NO_XDEV : 0, &name);
	FAIL_IF(init, parent < 0, "open of the directory", path);
	if (symlinkat(to, parent, name) == 0)
		return 0;
	int error = errno;
	ssize_t size = error == EEXIST ? readlinkat(parent, name, standing, sizeof(standing)) : -1;
	if (size >= 0 && (size_t)size == strlen(to) && memcmp(standing, to, (size_t)size) == 0)
		return 0;
	errno = error;
	return FAIL(init, "symlink", path);
}

/* The file type of a DEVICE_KIND_*. */
static mode_t type_of_kind(uint64_t kind)
{
	return kind == DEVICE_KIND_C ? S_IFCHR : kind == DEVICE_KIND_B ? S_IFBLK : S_IFIFO;
}

static bool is_device(const struct stat *status, mode_t type, dev_t number)
{
	return (status->st_mode & S_IFMT) == type && (type == S_IFIFO || status->st_rdev == number);
}

/* 0: such a device stands there, made or found; -1 with errno. Anything else there but a directory gives way. */
static int make_node(int parent, const char *name, mode_t type, mode_t mode, dev_t number)
{
	struct stat status;
	if (mknodat(parent, name, type | mode, number) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (is_device(&status, type, number))
		return 0;
	return unlinkat(parent, name, 0) != 0 ? -1 : mknodat(parent, name, type | mode, number);
}

int init_device(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->device.path;
	mode_t mode = (mode_t)operation->device.mode & 07777;
	uid_t uid = (uid_t)operation->device.uid;
	gid_t gid = (gid_t)operation->device.gid;
	mode_t type = type_of_kind(operation->device.kind);
	dev_t number = makedev((unsigned)operation->device.major, (unsigned)operation->device.minor);
	struct stat status;
	const char *name;
	/*
	 * Not across a mount: the image may have linked the directory into a volume, where a file of the host would
	 * give way to the device (CVE-2026-41579).
	 */
	scoped_fd parent = path_open_parent(init, path, RESOLVE_NO_XDEV, &name);
	FAIL_IF(init, parent < 0, "open of the directory", path);
	FAIL_IF(init, make_node(parent, name, type, mode, number) != 0, "mknod", path);
	scoped_fd node = kernel_open(parent, name, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	/* One that a bind has put there is the host's, and stays as it is. */
	if (node < 0 && errno == EXDEV)
		return 0;
	FAIL_IF(init, node < 0 || fstat(node, &status) != 0 || !is_device(&status, type, number), "device was replaced", path);
	if ((status.st_uid != uid || status.st_gid != gid) && fchownat(node, "", uid, gid, AT_EMPTY_PATH) != 0)
		return FAIL(init, "chown", path);
	FAIL_IF(init, (status.st_mode & 07777) != mode && fchmodat(parent, name, mode, 0) != 0, "chmod", path);
	return 0;
}

int init_attach_device(struct init *init, int mount, const char *path)
{
	const char *name;
	scoped_fd parent = path_open_parent(init, path, RESOLVE_NO_XDEV, &name);
	scoped_fd place = parent < 0 ? -1 : path_open_last(parent, name, false);
	FAIL_IF(init, place < 0, "open of the mount point", path);
	return init_attach(init, mount, place, path);
}

int init_device_bind(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->device_bind.path;
	const char *source = operation->device_bind.source;
	struct stat status;
	scoped_fd tree = init_clone_host(init, source, false);
	FAIL_IF(init, tree < 0, "open_tree", source);
	FAIL_IF(init, fstat(tree, &status) != 0, "stat", source);
	dev_t number = makedev((unsigned)operation->device_bind.major, (unsigned)operation->device_bind.minor);
	errno = ENODEV;
	if (!is_device(&status, type_of_kind(operation->device_bind.kind), number))
		return FAIL(init, "not the device that was meant", source);
	return init_attach_device(init, tree, path);
}
