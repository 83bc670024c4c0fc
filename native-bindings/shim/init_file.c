/* Files that the plan brings with it: secrets, on file systems that only this container has. */
#include "init.h"

static int write_all(int fd, struct plan_bytes content)
{
	while (content.size > 0) {
		ssize_t size = write(fd, content.at, content.size);
		if (size < 0 && errno != EINTR)
			return -1;
		content.at += size < 0 ? 0 : size;
		content.size -= size < 0 ? 0 : (size_t)size;
	}
	return 0;
}

/* `name` in the directory, where nothing has that name. 0, or -1 with the failure. */
static int make_file(struct init *init, const struct plan_operation *operation, int directory, const char *name)
{
	const char *path = operation->file.path;
	scoped_fd fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FAIL_IF(init, fd < 0, "open", path);
	FAIL_IF(init, write_all(fd, operation->file.content) != 0, "write", path);
	FAIL_IF(init, fchown(fd, (uid_t)operation->file.uid, (gid_t)operation->file.gid) != 0, "chown", path);
	/* Last, for a change of owner takes the set-user-ID bit. */
	return fchmod(fd, (mode_t)operation->file.mode & 07777) == 0 ? 0 : FAIL(init, "chmod", path);
}

/* The file alone, from the tmpfs at `mount`, which is attached. -1 with the failure. */
static int clone_file(struct init *init, const struct plan_operation *operation, int mount)
{
	const char *path = operation->file.path;
	if (make_file(init, operation, mount, "file") != 0)
		return -1;
	scoped_fd file = kernel_open(mount, "file", O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	int tree = file < 0 ? -1 : kernel_clone_tree(file, "", false);
	FAIL_IF(init, tree < 0, "open_tree", path);
	const uint64_t attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
	if (kernel_mount_setattr(tree, false, attributes, 0, 0) == 0)
		return tree;
	int result = FAIL(init, "mount_setattr", path);
	close_scoped(&tree);
	return result;
}

/*
 * Only what is attached can be cloned (before Linux 6.15): for that moment the tmpfs lies over the root, which is reached
 * by its descriptor and so is not hidden from anything here.
 */
static int make_apart(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->file.path;
	struct failure ignored;
	scoped_fd place = init_open_mount_point(init, path, false, false);
	scoped_fd context = place < 0 ? -1 : filesystem_open(init->failure, "tmpfs");
	if (context < 0 || filesystem_configure(init->failure, context, "mode", "700") != 0)
		return -1;
	/* Since Linux 6.4, and not in a user namespace: else it may be swapped out like any memory. */
	(void)filesystem_configure(&ignored, context, "noswap", NULL);
	scoped_fd mount = filesystem_create(init->failure, context, ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, path);
	if (mount < 0)
		return -1;
	FAIL_IF(init, kernel_attach(mount, init->root) != 0, "move_mount of the tmpfs", path);
	scoped_fd tree = clone_file(init, operation, mount);
	bool gone = fchdir(mount) == 0 && syscall(SYS_umount2, ".", KERNEL_MNT_DETACH) == 0;
	FAIL_IF(init, !gone || chdir("/") != 0, "umount2 of the tmpfs", path);
	return tree < 0 ? -1 : init_attach(init, tree, place, path);
}

int init_file(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->file.path;
	const char *name;
	if (operation->file.apart != 0)
		return make_apart(init, operation);
	scoped_fd directory = path_open_parent(init, path, 0, &name);
	FAIL_IF(init, directory < 0, "open of the directory", path);
	return make_file(init, operation, directory, name);
}
