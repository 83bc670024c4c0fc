/* The container's root: made at `at` in init's own mount namespace, and entered. */
#include "init.h"

/* Attaches a root file system; its descriptor is the root from here on. Takes `mount`. */
static int attach_root(struct init *init, int mount, const char *at)
{
	init->root = mount;
	scoped_fd place = path_open_host(init, at);
	FAIL_IF(init, place < 0, "open", at);
	return init_attach(init, mount, place, at);
}

static int open_layers(struct init *init, struct plan_list paths, struct overlay *overlay)
{
	for (overlay->count = 0; paths.count > 0; overlay->count++) {
		const char *path = plan_next_string(&paths);
		int fd = overlay->count < OVERLAY_MOST_LAYERS ? path_open_host(init, path) : -1;
		FAIL_IF(init, fd < 0, "open of the lower directory", path);
		overlay->lower[overlay->count] = fd;
	}
	errno = EINVAL;
	return overlay->count > 0 ? 0 : FAIL(init, "overlay without a lower directory", "");
}

/* Attached, and the root from here on. */
static int attach_overlay(struct init *init, const struct overlay *overlay, const char *at)
{
	if (!overlay_is_beyond_kernel(overlay)) {
		int mount = overlay_mount(init->failure, overlay, at);
		return mount < 0 ? -1 : attach_root(init, mount, at);
	}
	if (overlay_mount_at(init->failure, overlay, at) != 0)
		return -1;
	init->root = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return init->root >= 0 ? 0 : FAIL(init, "open", at);
}

/*
 * Makes `name` in `parent` as the upper directory, with mode and owner of the lower root that it stands for. An
 * owner that the user namespace does not know cannot be given: the directory stays root's, who may then write to it.
 */
static int make_upper(struct init *init, int parent, const char *name, int lower)
{
	struct stat status;
	FAIL_IF(init, fstat(lower, &status) != 0, "stat of the lower directory", "");
	if (mkdirat(parent, name, status.st_mode & 07777) != 0)
		return errno == EEXIST ? 0 : FAIL(init, "mkdir of the upper directory", name);
	bool foreign = status.st_uid != 0 || status.st_gid != 0;
	if (foreign && fchownat(parent, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0 &&
	    !plan_has(init->plan, OP_BECOME_ROOT))
		return FAIL(init, "chown of the upper directory", name);
	/* mkdir leaves out the set-id bits, chown takes them away. */
	if ((status.st_mode & 07000) != 0 && fchmodat(parent, name, status.st_mode & 07777, 0) != 0)
		return FAIL(init, "chmod of the upper directory", name);
	return 0;
}

/* Of the two directories on disk that an overlay writes to, one; made if missing. -1 with the failure. */
static int open_writable(struct init *init, const char *path, int lower)
{
	int fd = path_open_host(init, path);
	if (fd < 0 && errno == ENOENT) {
		/* The work directory is the kernel's own, and stands for no lower one. */
		if (lower >= 0 && make_upper(init, AT_FDCWD, path, lower) != 0)
			return -1;
		FAIL_IF(init, lower < 0 && mkdir(path, 0700) != 0, "mkdir of the work directory", path);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : FAIL(init, "open of the upper or work directory", path);
}

int init_root_overlay(struct init *init, const struct plan_operation *operation)
{
	struct overlay overlay = { .is_volatile = operation->root_overlay.volatile_ != 0,
				   .userxattr = operation->root_overlay.userxattr != 0 };
	if (open_layers(init, operation->root_overlay.lower, &overlay) != 0)
		return -1;
	scoped_fd upper = open_writable(init, operation->root_overlay.upper, overlay.lower[0]);
	scoped_fd work = upper < 0 ? -1 : open_writable(init, operation->root_overlay.work, -1);
	if (work < 0)
		return -1;
	overlay.upper = upper;
	overlay.work = work;
	return attach_overlay(init, &overlay, operation->root_overlay.at);
}

/* Kernels before 6.15 take no upper layer from a mount that is not attached; the overlay then covers it. */
static int attach_tmpfs(struct init *init, uint64_t size, const char *at)
{
	char value[32] = "50%"; /* the kernel's own default */
	if (size != 0)
		(void)snprintf(value, sizeof(value), "%" PRIu64, size);
	scoped_fd context = filesystem_open(init->failure, "tmpfs");
	if (context < 0 || filesystem_configure(init->failure, context, "mode", "0700") != 0 || filesystem_configure(init->failure, context, "size", value) != 0)
		return -1;
	int tmpfs = filesystem_create(init->failure, context, 0, at);
	scoped_fd place = tmpfs < 0 ? -1 : path_open_host(init, at);
	if (tmpfs < 0)
		return -1;
	FAIL_IF(init, place < 0 || kernel_attach(tmpfs, place) != 0, "move_mount of the tmpfs", at);
	return tmpfs;
}

int init_root_overlay_tmpfs(struct init *init, const struct plan_operation *operation)
{
	const char *at = operation->root_overlay_tmpfs.at;
	struct overlay overlay = { .userxattr = operation->root_overlay_tmpfs.userxattr != 0 };
	if (open_layers(init, operation->root_overlay_tmpfs.lower, &overlay) != 0)
		return -1;
	scoped_fd tmpfs = attach_tmpfs(init, operation->root_overlay_tmpfs.size, at);
	if (tmpfs < 0 || make_upper(init, tmpfs, "upper", overlay.lower[0]) != 0)
		return -1;
	FAIL_IF(init, mkdirat(tmpfs, "work", 0700) != 0, "mkdir of the work directory", at);
	scoped_fd upper = openat(tmpfs, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd work = openat(tmpfs, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(init, upper < 0 || work < 0, "open of the upper directory", at);
	overlay.upper = upper;
	overlay.work = work;
	return attach_overlay(init, &overlay, at);
}

int init_root_tree(struct init *init, const struct plan_operation *operation)
{
	const char *at = operation->root_tree.at;
	int tree = fcntl(init->host->trees[operation->root_tree.tree], F_DUPFD_CLOEXEC, 3);
	return tree < 0 ? FAIL(init, "dup of the tree", at) : attach_root(init, tree, at);
}

int init_root_bind(struct init *init, const struct plan_operation *operation)
{
	const char *source = operation->root_bind.source;
	int tree = init_clone_host(init, source, true);
	FAIL_IF(init, tree < 0, "open_tree", source);
	return attach_root(init, tree, operation->root_bind.at);
}

int init_root_directory(struct init *init, const struct plan_operation *operation)
{
	close_scoped(&init->root);
	init->root = path_open_host(init, operation->root_directory.source);
	return init->root >= 0 ? 0 : FAIL(init, "open", operation->root_directory.source);
}

int init_private_parent(struct init *init, const struct plan_operation *operation)
{
	const char *at = operation->private_parent.at;
	scoped_fd place = path_open_host(init, at);
	/* EINVAL: not the root of a mount, which is further up then, at "/" at the latest. */
	while (place >= 0 && kernel_mount_setattr(place, false, 0, 0, KERNEL_MS_PRIVATE) != 0) {
		int parent = errno == EINVAL ? openat(place, "..", O_PATH | O_CLOEXEC) : -1;
		close_and_forget(&place);
		place = parent;
	}
	return place >= 0 ? 0 : FAIL(init, "mount_setattr of the parent mount", at);
}

static int enter_root(struct init *init)
{
	return init->root >= 0 && fchdir(init->root) == 0 ? 0 : FAIL(init, "chdir to the root", "");
}

int init_pivot_root(struct init *init, unused const struct plan_operation *operation)
{
	if (enter_root(init) != 0)
		return -1;
	/* The old root comes to lie on the new one at "/" and is taken off; pivot_root(2), notes. */
	FAIL_IF(init, syscall(SYS_pivot_root, ".", ".") != 0, "pivot_root", "");
	FAIL_IF(init, syscall(SYS_umount2, ".", KERNEL_MNT_DETACH) != 0, "umount2 of the old root", "");
	return chdir("/") == 0 ? 0 : FAIL(init, "chdir", "/");
}

int init_change_root(struct init *init, unused const struct plan_operation *operation)
{
	if (enter_root(init) != 0)
		return -1;
	return chroot(".") == 0 && chdir("/") == 0 ? 0 : FAIL(init, "chroot", "");
}

int init_move_root(struct init *init, const struct plan_operation *operation)
{
	if (enter_root(init) != 0)
		return -1;
	FAIL_IF(init, syscall(SYS_mount, ".", "/", NULL, KERNEL_MS_MOVE, NULL) != 0, "mount --move of the root", "");
	return init_change_root(init, operation);
}
