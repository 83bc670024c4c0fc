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

/* Overlay takes no more; include/uapi and fs/overlayfs/params.h, OVL_MAX_STACK. */
#define MOST_LAYERS 500

/* Layers by descriptor: their paths may hold ':' and ',', and may be out of reach by now. */
struct layers {
	int fds[MOST_LAYERS];
	size_t count;
};

static int open_layers(struct init *init, struct plan_list paths, struct layers *layers)
{
	for (layers->count = 0; paths.count > 0; layers->count++) {
		const char *path = plan_next_string(&paths);
		int fd = layers->count < MOST_LAYERS ? path_open_host(init, path) : -1;
		FAIL_IF(init, fd < 0, "open of the lower directory", path);
		layers->fds[layers->count] = fd;
	}
	errno = EINVAL;
	return layers->count > 0 ? 0 : FAIL(init, "overlay without a lower directory", "");
}

static int configure_fd(struct init *init, int context, const char *key, int fd)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return init_configure(init, context, key, path);
}

/* fsconfig(2) takes no longer string. */
#define LONGEST_OPTION 255

/* All in one "lowerdir" as long as they fit, else one by one, which is known from 6.7 on. */
static int configure_lower(struct init *init, int context, const struct layers *layers)
{
	char joined[LONGEST_OPTION + 1];
	size_t used = 0;
	for (size_t i = 0; i < layers->count && used < sizeof(joined); i++)
		used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s/proc/self/fd/%d", i == 0 ? "" : ":",
					 layers->fds[i]);
	if (used < sizeof(joined))
		return init_configure(init, context, "lowerdir", joined);
	for (size_t i = 0; i < layers->count; i++) {
		if (configure_fd(init, context, "lowerdir+", layers->fds[i]) != 0)
			return -1;
	}
	return 0;
}

/* An overlay of all of these, attached. */
static int mount_overlay(struct init *init, const struct layers *layers, int upper, int work, bool is_volatile,
			 bool userxattr, const char *at)
{
	scoped_fd context = init_open_filesystem(init, "overlay");
	if (context < 0 || init_configure(init, context, "source", "overlay") != 0 ||
	    configure_lower(init, context, layers) != 0 || configure_fd(init, context, "upperdir", upper) != 0 ||
	    configure_fd(init, context, "workdir", work) != 0 ||
	    (is_volatile && init_configure(init, context, "volatile", NULL) != 0) ||
	    (userxattr && init_configure(init, context, "userxattr", NULL) != 0))
		return -1;
	int mount = init_create_filesystem(init, context, 0, at);
	return mount < 0 ? -1 : attach_root(init, mount, at);
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
	struct layers layers;
	if (open_layers(init, operation->root_overlay.lower, &layers) != 0)
		return -1;
	scoped_fd upper = open_writable(init, operation->root_overlay.upper, layers.fds[0]);
	scoped_fd work = upper < 0 ? -1 : open_writable(init, operation->root_overlay.work, -1);
	if (work < 0)
		return -1;
	return mount_overlay(init, &layers, upper, work, operation->root_overlay.volatile_ != 0,
			     operation->root_overlay.userxattr != 0, operation->root_overlay.at);
}

/* Kernels before 6.15 take no upper layer from a mount that is not attached; the overlay then covers it. */
static int attach_tmpfs(struct init *init, uint64_t size, const char *at)
{
	char value[32] = "50%"; /* the kernel's own default */
	if (size != 0)
		(void)snprintf(value, sizeof(value), "%" PRIu64, size);
	scoped_fd context = init_open_filesystem(init, "tmpfs");
	if (context < 0 || init_configure(init, context, "mode", "0700") != 0 || init_configure(init, context, "size", value) != 0)
		return -1;
	int tmpfs = init_create_filesystem(init, context, 0, at);
	scoped_fd place = tmpfs < 0 ? -1 : path_open_host(init, at);
	if (tmpfs < 0)
		return -1;
	FAIL_IF(init, place < 0 || kernel_attach(tmpfs, place) != 0, "move_mount of the tmpfs", at);
	return tmpfs;
}

int init_root_overlay_tmpfs(struct init *init, const struct plan_operation *operation)
{
	const char *at = operation->root_overlay_tmpfs.at;
	struct layers layers;
	if (open_layers(init, operation->root_overlay_tmpfs.lower, &layers) != 0)
		return -1;
	scoped_fd tmpfs = attach_tmpfs(init, operation->root_overlay_tmpfs.size, at);
	if (tmpfs < 0 || make_upper(init, tmpfs, "upper", layers.fds[0]) != 0)
		return -1;
	FAIL_IF(init, mkdirat(tmpfs, "work", 0700) != 0, "mkdir of the work directory", at);
	scoped_fd upper = openat(tmpfs, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd work = openat(tmpfs, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(init, upper < 0 || work < 0, "open of the upper directory", at);
	return mount_overlay(init, &layers, upper, work, false, operation->root_overlay_tmpfs.userxattr != 0, at);
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
