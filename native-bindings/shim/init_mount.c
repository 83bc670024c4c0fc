/* Mounts: new file systems by fsopen(2), binds by open_tree(2), masks; all attached by descriptor. */
#define _GNU_SOURCE
#include "init.h"

#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* The step, and the kernel's own line about it where the context has one ("e overlay: …"). */
static int fail_with_log(struct init *init, int context, const char *step, const char *key, const char *path)
{
	int error = errno;
	char line[256];
	ssize_t size = read(context, line, sizeof(line) - 1);
	errno = error;
	(void)init_fail(init, step, path);
	failure_append(&init->failure, key);
	if (size <= 2)
		return -1;
	line[size] = 0;
	line[strcspn(line, "\n")] = 0;
	failure_append(&init->failure, ": ");
	failure_append(&init->failure, line + 2);
	return -1;
}

int init_open_filesystem(struct init *init, const char *type)
{
	int context = (int)syscall(SYS_fsopen, type, KERNEL_FSCLOEXEC);
	if (context < 0) {
		(void)init_fail(init, "fsopen ", "");
		failure_append(&init->failure, type);
	}
	return context;
}

int init_configure(struct init *init, int context, unsigned command, const char *key, const char *value)
{
	if (syscall(SYS_fsconfig, context, command, key, value, 0) == 0)
		return 0;
	return fail_with_log(init, context, "fsconfig ", key, "");
}

int init_create_filesystem(struct init *init, int context, uint64_t attributes, const char *path)
{
	if (syscall(SYS_fsconfig, context, FSCONFIG_CREATE, NULL, NULL, 0) != 0)
		return fail_with_log(init, context, "fsconfig create", "", path);
	int mount = (int)syscall(SYS_fsmount, context, KERNEL_FSCLOEXEC, attributes);
	return mount >= 0 ? mount : fail_with_log(init, context, "fsmount", "", path);
}

static int configure_options(struct init *init, int context, struct plan_list options)
{
	while (options.count > 0) {
		const char *option = plan_next_string(&options);
		const char *equals = strchr(option, '=');
		char key[128];
		if (equals == NULL) {
			if (init_configure(init, context, FSCONFIG_FLAG, option, NULL) != 0)
				return -1;
			continue;
		}
		if ((size_t)(equals - option) >= sizeof(key)) {
			errno = ENAMETOOLONG;
			return init_fail(init, "name of a mount option", option);
		}
		memcpy(key, option, (size_t)(equals - option));
		key[equals - option] = 0;
		if (init_configure(init, context, FSCONFIG_STRING, key, equals + 1) != 0)
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

static int keep(int *place, int mount)
{
	close_scoped(place);
	*place = fcntl(mount, F_DUPFD_CLOEXEC, 3);
	return *place < 0 ? -1 : 0;
}

/* Paths at and below the anchors go on from the mount that was just made there. */
static int keep_anchor(struct init *init, int mount, const char *target)
{
	int anchor = path_anchor(target);
	FAIL_IF(anchor >= 0 && keep(&init->anchors[anchor], mount) != 0, "dup", target);
	return 0;
}

/*
 * The mount point, which must not lie in procfs by a symlink of the image: a volume over /proc would be what programs
 * and later checks take for the kernel's word (CVE-2019-16884). Paths that say /proc were judged when they were compiled.
 */
static int open_mount_point(struct init *init, const char *target, bool directory, bool strict)
{
	struct statfs filesystem;
	int place = path_open_target(init, target, directory, strict);
	FAIL_IF(place < 0, "open of the mount point", target);
	const char *first = target + strspn(target, "/");
	bool says_proc = strncmp(first, "proc", 4) == 0 && (first[4] == '/' || first[4] == 0);
	if (says_proc || (fstatfs(place, &filesystem) == 0 && filesystem.f_type != MAGIC_PROC))
		return place;
	close_scoped(&place);
	errno = EXDEV;
	return init_fail(init, "mount point lies in procfs", target);
}

int init_mount(struct init *init, const struct plan_operation *operation)
{
	const char *type = operation->mount.type;
	const char *target = operation->mount.target;
	scoped_fd context = init_open_filesystem(init, type);
	if (context < 0)
		return -1;
	if (operation->mount.source[0] != 0 &&
	    init_configure(init, context, FSCONFIG_STRING, "source", operation->mount.source) != 0)
		return -1;
	if (configure_options(init, context, operation->mount.options) != 0)
		return -1;
	scoped_fd place = open_mount_point(init, target, true, is_strict(type, target));
	if (place < 0)
		return -1;
	bool copy_up = (operation->mount.flags & MOUNT_COPY_UP) != 0;
	uint64_t attributes = operation->mount.attributes;
	scoped_fd mount = init_create_filesystem(init, context, copy_up ? attributes & ~(uint64_t)ATTR_RDONLY : attributes, target);
	if (mount < 0 || (copy_up && init_copy_up(init, place, mount, target) != 0))
		return -1;
	if (copy_up && (attributes & ATTR_RDONLY) != 0 && kernel_mount_setattr(mount, 0, ATTR_RDONLY, 0, 0) != 0)
		return init_fail(init, "mount_setattr", target);
	FAIL_IF(kernel_attach(mount, place) != 0, "move_mount", target);
	FAIL_IF(strcmp(type, "devpts") == 0 && keep(&init->devpts, mount) != 0, "dup", target);
	return keep_anchor(init, mount, target);
}

int init_clone_host(struct init *init, const char *path, bool recursive)
{
	unsigned flags = KERNEL_TREE_CLONE | (recursive ? AT_RECURSIVE : 0);
	if (init->preopened_count == 0)
		return kernel_open_tree(AT_FDCWD, path, flags);
	scoped_fd source = path_open_host(init, path);
	return source < 0 ? -1 : kernel_open_tree(source, "", flags | AT_EMPTY_PATH);
}

/* `propagation` is MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC for all mounts below as well; or 0. */
static int set_propagation(int mount, uint64_t propagation)
{
	if (propagation == 0)
		return 0;
	unsigned flags = (propagation & KERNEL_MS_REC) != 0 ? AT_RECURSIVE : 0;
	return kernel_mount_setattr(mount, flags, 0, 0, propagation & ~(uint64_t)KERNEL_MS_REC);
}

static int set_attributes(int mount, unsigned flags, uint64_t set, uint64_t clear)
{
	return (set | clear) == 0 ? 0 : kernel_mount_setattr(mount, flags, set, clear, 0);
}

int init_bind(struct init *init, const struct plan_operation *operation)
{
	const char *source = operation->bind.source;
	const char *target = operation->bind.target;
	struct stat status;
	scoped_fd tree = init_clone_host(init, source, operation->bind.recursive != 0);
	FAIL_IF(tree < 0, "open_tree", source);
	FAIL_IF(fstat(tree, &status) != 0, "stat", source);
	if (set_attributes(tree, AT_RECURSIVE, operation->bind.set_all, operation->bind.clear_all) != 0 ||
	    set_attributes(tree, 0, operation->bind.set, operation->bind.clear) != 0)
		return init_fail(init, "mount_setattr", source);
	scoped_fd place = open_mount_point(init, target, S_ISDIR(status.st_mode), path_anchor(target) >= 0);
	if (place < 0)
		return -1;
	FAIL_IF(kernel_attach(tree, place) != 0, "move_mount", target);
	FAIL_IF(set_propagation(tree, operation->bind.propagation) != 0, "mount_setattr propagation", target);
	return keep_anchor(init, tree, target);
}

int init_mount_attributes(struct init *init, const struct plan_operation *operation)
{
	const char *target = operation->mount_attributes.target;
	scoped_fd mount = path_open(init, target, 0);
	FAIL_IF(mount < 0, "openat2", target);
	unsigned flags = operation->mount_attributes.recursive != 0 ? AT_RECURSIVE : 0;
	if (set_attributes(mount, flags, operation->mount_attributes.set, operation->mount_attributes.clear) != 0 ||
	    set_propagation(mount, operation->mount_attributes.propagation) != 0)
		return init_fail(init, "mount_setattr", target);
	return 0;
}

int init_prepare_null(struct init *init)
{
	struct stat status;
	init->null_device = open("/dev/null", O_PATH | O_CLOEXEC);
	FAIL_IF(init->null_device < 0 || fstat(init->null_device, &status) != 0, "open", "/dev/null");
	errno = ENODEV;
	FAIL_IF(!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3), "not the null device", "/dev/null");
	return 0;
}

/* Attaches a clone of the mount that `mask` is at. */
static int attach_clone(struct init *init, int mask, int place, const char *path)
{
	scoped_fd clone = kernel_open_tree(mask, "", KERNEL_TREE_CLONE | AT_EMPTY_PATH);
	FAIL_IF(clone < 0, "open_tree of the mask", path);
	return kernel_attach(clone, place) == 0 ? 0 : init_fail(init, "move_mount", path);
}

static int mask_directory(struct init *init, int place, const char *path)
{
	if (init->empty_directory >= 0)
		return attach_clone(init, init->empty_directory, place, path);
	scoped_fd context = init_open_filesystem(init, "tmpfs");
	if (context < 0)
		return -1;
	const uint64_t attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
	init->empty_directory = init_create_filesystem(init, context, attributes, path);
	if (init->empty_directory < 0)
		return -1;
	return kernel_attach(init->empty_directory, place) == 0 ? 0 : init_fail(init, "move_mount", path);
}

/* What is not there needs no mask. */
static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

int init_masked(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->masked.path;
	struct stat status;
	scoped_fd place = path_open(init, path, 0);
	if (place < 0)
		return is_missing(errno) ? 0 : init_fail(init, "openat2", path);
	FAIL_IF(fstat(place, &status) != 0, "stat", path);
	return S_ISDIR(status.st_mode) ? mask_directory(init, place, path)
				       : attach_clone(init, init->null_device, place, path);
}

int init_readonly(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->readonly.path;
	scoped_fd place = path_open(init, path, 0);
	if (place < 0)
		return is_missing(errno) ? 0 : init_fail(init, "openat2", path);
	scoped_fd tree = kernel_open_tree(place, "", KERNEL_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	FAIL_IF(tree < 0, "open_tree", path);
	FAIL_IF(kernel_mount_setattr(tree, AT_RECURSIVE, ATTR_RDONLY, 0, 0) != 0, "mount_setattr", path);
	return kernel_attach(tree, place) == 0 ? 0 : init_fail(init, "move_mount", path);
}
