/* Mounts: new file systems by fsopen(2), binds by open_tree(2), masks; all attached by descriptor. */
#include "init.h"

#define LONGEST_KEY 127

static int configure_options(struct init *init, int context, struct plan_list options)
{
	while (options.count > 0) {
		const char *option = plan_next_string(&options);
		size_t size = strcspn(option, "=");
		char key[LONGEST_KEY + 1];
		/* A longer one is cut off, and so is none that the kernel knows. */
		(void)snprintf(key, sizeof(key), "%.*s", (int)size, option);
		if (filesystem_configure(init->failure, context, key, option[size] == 0 ? NULL : option + size + 1) != 0)
			return -1;
	}
	return 0;
}

/*
 * /proc, /sys and /dev are what everything later relies on, and where image authors planted symlinks
 * (CVE-2023-27561 and kin): there the last component must be a real directory.
 */
static bool is_strict(const char *type, const char *target)
{
	return strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 || path_anchor(target) >= 0;
}

/*
 * Paths at and below the anchors go on from the mount that was just made there, and a terminal from the last devpts.
 * Takes `mount`.
 */
static int keep(struct init *init, int mount, const char *type, const char *target)
{
	int anchor = path_anchor(target);
	if (anchor < 0 && strcmp(type, "devpts") != 0)
		return close(mount);
	int *place = anchor >= 0 ? &init->anchors[anchor] : &init->devpts;
	close_scoped(place);
	*place = mount;
	return 0;
}

/*
 * A volume over /proc would be what programs and later checks take for the kernel's word (CVE-2019-16884). Paths that say
 * /proc were judged when they were compiled.
 */
int init_open_mount_point(struct init *init, const char *target, bool directory, bool strict)
{
	struct statfs filesystem;
	int place = path_open_target(init, target, directory, strict);
	FAIL_IF(init, place < 0, "open of the mount point", target);
	bool says_proc = strncmp(target, "/proc", 5) == 0 && (target[5] == '/' || target[5] == 0);
	if (says_proc || (fstatfs(place, &filesystem) == 0 && filesystem.f_type != MAGIC_PROC))
		return place;
	close_scoped(&place);
	errno = EXDEV;
	return FAIL(init, "mount point lies in procfs", target);
}

/* A tmpfs that is not told its mode has that of the directory it hides, if there is one; as runc and crun have it. */
static int configure_mode(struct init *init, int context, const struct plan_operation *operation)
{
	struct stat hidden;
	char mode[16];
	if (strcmp(operation->mount.type, "tmpfs") != 0 || plan_has_option(operation->mount.options, "mode"))
		return 0;
	scoped_fd directory = path_open(init, operation->mount.target, O_DIRECTORY);
	if (directory < 0 || fstat(directory, &hidden) != 0)
		return 0;
	(void)snprintf(mode, sizeof(mode), "%o", hidden.st_mode & 07777);
	return filesystem_configure(init->failure, context, "mode", mode);
}

int init_mount(struct init *init, const struct plan_operation *operation)
{
	const char *type = operation->mount.type;
	const char *target = operation->mount.target;
	const char *source = operation->mount.source;
	scoped_fd context = filesystem_open(init->failure, type);
	if (context < 0 || (source[0] != 0 && filesystem_configure(init->failure, context, "source", source) != 0) ||
	    configure_options(init, context, operation->mount.options) != 0 || configure_mode(init, context, operation) != 0)
		return -1;
	scoped_fd place = init_open_mount_point(init, target, true, is_strict(type, target));
	if (place < 0)
		return -1;
	bool copy_up = (operation->mount.flags & MOUNT_COPY_UP) != 0;
	uint64_t later = copy_up ? operation->mount.attributes & ATTR_RDONLY : 0;
	int mount = filesystem_create(init->failure, context, operation->mount.attributes & ~later, target);
	if (mount < 0 || (copy_up && init_copy_up(init, place, mount, operation->mount.options, target) != 0))
		return -1;
	FAIL_IF(init, kernel_mount_setattr(mount, false, later, 0, 0) != 0, "mount_setattr", target);
	FAIL_IF(init, kernel_attach(mount, place) != 0, "move_mount", target);
	return keep(init, mount, type, target);
}

int init_clone_host(struct init *init, const char *path, bool recursive)
{
	if (init->preopened_count == 0)
		return kernel_clone_tree(AT_FDCWD, path, recursive);
	scoped_fd source = path_open_host(init, path);
	return source < 0 ? -1 : kernel_clone_tree(source, "", recursive);
}

/* With MS_REC for all mounts below as well. */
static int set_propagation(int mount, uint64_t propagation)
{
	return kernel_mount_setattr(mount, (propagation & KERNEL_MS_REC) != 0, 0, 0, propagation & ~(uint64_t)KERNEL_MS_REC);
}

int init_bind(struct init *init, const struct plan_operation *operation)
{
	const char *source = operation->bind.source;
	const char *target = operation->bind.target;
	struct stat status;
	int64_t ready = operation->bind.tree;
	int tree = ready >= 0 ? fcntl(init->host->trees[ready], F_DUPFD_CLOEXEC, 3)
			      : init_clone_host(init, source, operation->bind.recursive != 0);
	FAIL_IF(init, tree < 0, "open_tree", source);
	FAIL_IF(init, fstat(tree, &status) != 0, "stat", source);
	if (kernel_mount_setattr(tree, true, operation->bind.set_all, operation->bind.clear_all, 0) != 0 ||
	    kernel_mount_setattr(tree, false, operation->bind.set, operation->bind.clear, 0) != 0)
		return FAIL(init, "mount_setattr", source);
	scoped_fd place = init_open_mount_point(init, target, S_ISDIR(status.st_mode), path_anchor(target) >= 0);
	if (place < 0)
		return -1;
	FAIL_IF(init, kernel_attach(tree, place) != 0, "move_mount", target);
	FAIL_IF(init, set_propagation(tree, operation->bind.propagation) != 0, "mount_setattr propagation", target);
	return keep(init, tree, "", target);
}

int init_mount_attributes(struct init *init, const struct plan_operation *operation)
{
	const char *target = operation->mount_attributes.target;
	bool recursive = operation->mount_attributes.recursive != 0;
	scoped_fd mount = path_open(init, target, 0);
	FAIL_IF(init, mount < 0, "openat2", target);
	if (kernel_mount_setattr(mount, recursive, operation->mount_attributes.set, operation->mount_attributes.clear, 0) != 0 ||
	    set_propagation(mount, operation->mount_attributes.propagation) != 0)
		return FAIL(init, "mount_setattr", target);
	return 0;
}

int init_prepare_null(struct init *init)
{
	struct stat status;
	close_scoped(&init->null_device);
	init->null_device = open("/dev/null", O_PATH | O_CLOEXEC);
	FAIL_IF(init, init->null_device < 0 || fstat(init->null_device, &status) != 0, "open", "/dev/null");
	errno = ENODEV;
	FAIL_IF(init, !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3), "not the null device", "/dev/null");
	return 0;
}

int init_attach(struct init *init, int mount, int place, const char *path)
{
	return kernel_attach(mount, place) == 0 ? 0 : FAIL(init, "move_mount", path);
}

/* Attaches a clone of the mount that `mask` is at. */
static int attach_clone(struct init *init, int mask, int place, const char *path)
{
	scoped_fd clone = kernel_clone_tree(mask, "", false);
	FAIL_IF(init, clone < 0, "open_tree of the mask", path);
	return init_attach(init, clone, place, path);
}

static int mask_directory(struct init *init, int place, const char *path)
{
	if (init->empty_directory >= 0)
		return attach_clone(init, init->empty_directory, place, path);
	scoped_fd context = filesystem_open(init->failure, "tmpfs");
	if (context < 0)
		return -1;
	const uint64_t attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
	init->empty_directory = filesystem_create(init->failure, context, attributes, path);
	return init->empty_directory < 0 ? -1 : init_attach(init, init->empty_directory, place, path);
}

/* What is not there needs no mask. */
static int fail_unless_missing(struct init *init, const char *path)
{
	return errno == ENOENT || errno == ENOTDIR ? 0 : FAIL(init, "openat2", path);
}

int init_masked(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->masked.path;
	struct stat status;
	scoped_fd place = path_open(init, path, 0);
	if (place < 0)
		return fail_unless_missing(init, path);
	FAIL_IF(init, fstat(place, &status) != 0, "stat", path);
	return S_ISDIR(status.st_mode) ? mask_directory(init, place, path)
				       : attach_clone(init, init->null_device, place, path);
}

int init_readonly(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->readonly.path;
	scoped_fd place = path_open(init, path, 0);
	if (place < 0)
		return fail_unless_missing(init, path);
	scoped_fd tree = kernel_clone_tree(place, "", true);
	FAIL_IF(init, tree < 0, "open_tree", path);
	FAIL_IF(init, kernel_mount_setattr(tree, true, ATTR_RDONLY, 0, 0) != 0, "mount_setattr", path);
	return init_attach(init, tree, place, path);
}
