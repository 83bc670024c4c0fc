/*
 * Paths: inside the root by openat2(RESOLVE_IN_ROOT), so that whatever the root holds, a path leads nowhere else;
 * below /proc, /sys and /dev from the mounts themselves.
 */
#define _GNU_SOURCE
#include "init.h"

#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const anchor_names[ANCHORS] = { "proc", "sys", "dev" };

static const char *skip_slashes(const char *path)
{
	return path + strspn(path, "/");
}

int path_anchor(const char *path)
{
	path = skip_slashes(path);
	for (int i = 0; i < ANCHORS; i++) {
		size_t size = strlen(anchor_names[i]);
		if (strncmp(path, anchor_names[i], size) == 0 && *skip_slashes(path + size) == 0)
			return i;
	}
	return -1;
}

/* Where to begin for `*path`, which becomes relative to it and never is "". */
static int find_base(const struct init *init, const char **path)
{
	*path = skip_slashes(*path);
	int base = init->root;
	for (int i = 0; i < ANCHORS; i++) {
		size_t size = strlen(anchor_names[i]);
		if (init->anchors[i] >= 0 && strncmp(*path, anchor_names[i], size) == 0 && (*path)[size] == '/') {
			base = init->anchors[i];
			*path = skip_slashes(*path + size);
			break;
		}
	}
	if (**path == 0)
		*path = ".";
	return base;
}

int path_open(struct init *init, const char *path, uint64_t flags)
{
	int base = find_base(init, &path);
	return kernel_open(base, path, O_PATH | flags, RESOLVE_IN_ROOT);
}

/* A component that is no symlink, in a directory already reached; made if missing. */
static int enter_or_make(int parent, const char *name, mode_t mode, bool *made)
{
	*made = mkdirat(parent, name, mode) == 0;
	if (!*made && errno != EEXIST)
		return -1;
	return kernel_open(parent, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* Component by component; each prefix is resolved anew from the base, so symlinks on the way count from there. */
static int make_from(int base, const char *path, mode_t mode, uint64_t resolve, bool *made)
{
	char prefix[PATH_MAX];
	if ((size_t)snprintf(prefix, sizeof(prefix), "%s", path) >= sizeof(prefix)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int parent = -1;
	char *name = prefix;
	while (true) {
		char *end = name + strcspn(name, "/");
		bool last = *skip_slashes(end) == 0;
		char *next = end + strspn(end, "/");
		*end = 0;
		int fd = kernel_open(base, prefix, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | resolve);
		if (fd < 0 && errno == ENOENT)
			fd = enter_or_make(parent < 0 ? base : parent, name, last ? mode : 0755, made);
		int kept = errno;
		close_scoped(&parent);
		errno = kept;
		if (fd < 0 || last)
			return fd;
		*end = '/';
		parent = fd;
		name = next;
	}
}

static int make_directory(struct init *init, const char *path, mode_t mode, uint64_t resolve, bool *made)
{
	*made = false;
	int base = find_base(init, &path);
	int fd = kernel_open(base, path, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | resolve);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	return make_from(base, path, mode, resolve, made);
}

int path_make_directory(struct init *init, const char *path, mode_t mode, bool *made)
{
	return make_directory(init, path, mode, 0, made);
}

int path_open_parent(struct init *init, const char *path, uint64_t resolve, const char **name)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	*name = slash == NULL ? path : slash + 1;
	size_t size = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	bool made;
	if (**name == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	if (size >= sizeof(directory)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(directory, path, size);
	directory[size] = 0;
	return make_directory(init, directory, 0755, resolve, &made);
}

int path_open_last(int parent, const char *name, bool directory)
{
	uint64_t flags = O_PATH | (directory ? O_DIRECTORY : 0);
	int fd = kernel_open(parent, name, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	bool made;
	if (directory)
		return enter_or_make(parent, name, 0755, &made);
	return openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
}

int path_open_target(struct init *init, const char *path, bool directory, bool strict)
{
	char trimmed[PATH_MAX];
	int size = snprintf(trimmed, sizeof(trimmed), "%s", path);
	if ((size_t)size >= sizeof(trimmed)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	while (size > 1 && trimmed[size - 1] == '/')
		trimmed[--size] = 0;
	int fd = strict ? -1 : path_open(init, trimmed, 0);
	if (!strict && (fd >= 0 || errno != ENOENT))
		return fd;
	const char *name;
	scoped_fd parent = path_open_parent(init, trimmed, 0, &name);
	return parent < 0 ? -1 : path_open_last(parent, name, directory);
}

int path_open_host(struct init *init, const char *path)
{
	for (size_t i = 0; i < init->preopened_count; i++) {
		if (init->preopened[i].path == path)
			return fcntl(init->preopened[i].fd, F_DUPFD_CLOEXEC, 3);
	}
	return open(path, O_PATH | O_CLOEXEC);
}

static int preopen(struct init *init, const char *path)
{
	struct preopened *all = realloc(init->preopened, (init->preopened_count + 1) * sizeof(*all));
	FAIL_IF(all == NULL, "allocate", "");
	init->preopened = all;
	int fd = open(path, O_PATH | O_CLOEXEC);
	/* A missing upper directory is made, any other path is reported by the operation that wants it. */
	if (fd >= 0)
		all[init->preopened_count++] = (struct preopened){ path, fd };
	return 0;
}

static int preopen_of(struct init *init, const struct plan_operation *operation)
{
	int result = 0;
	for (size_t i = 0; i < operation->shape->field_count && result == 0; i++) {
		struct plan_list paths = operation->values[i].list;
		if (!operation->shape->fields[i].host_path)
			continue;
		if (operation->shape->fields[i].kind == FIELD_STR)
			result = preopen(init, operation->values[i].text);
		else
			while (result == 0 && paths.count > 0)
				result = preopen(init, plan_next_string(&paths));
	}
	return result;
}

int path_preopen(struct init *init)
{
	int result = 0;
	for (size_t i = init->plan->clone + 1; i < init->plan->count && result == 0; i++)
		result = preopen_of(init, &init->plan->operations[i]);
	return result;
}
