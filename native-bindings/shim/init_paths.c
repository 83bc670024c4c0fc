/*
 * Paths: inside the root by openat2(RESOLVE_IN_ROOT), so that whatever the root holds, a path leads nowhere else;
 * below /proc, /sys and /dev from the mounts themselves.
 */
#include "init.h"

static const char *const anchor_names[ANCHORS] = { "proc", "sys", "dev" };

static const char *skip_slashes(const char *path)
{
	return path + strspn(path, "/");
}

/* The anchor that `path` is at or below, or -1; `*rest` is what comes after it. */
static int find_anchor(const char *path, const char **rest)
{
	path = skip_slashes(path);
	for (int i = 0; i < ANCHORS; i++) {
		size_t size = strlen(anchor_names[i]);
		*rest = skip_slashes(path + strcspn(path, "/"));
		if (strncmp(path, anchor_names[i], size) == 0 && (path[size] == 0 || path[size] == '/'))
			return i;
	}
	return -1;
}

int path_anchor(const char *path)
{
	const char *rest;
	int anchor = find_anchor(path, &rest);
	return anchor >= 0 && *rest == 0 ? anchor : -1;
}

/* Where to begin for `*path`, which becomes relative to it and never is "". */
static int find_base(const struct init *init, const char **path)
{
	const char *rest;
	int anchor = find_anchor(*path, &rest);
	bool below = anchor >= 0 && init->anchors[anchor] >= 0 && *rest != 0;
	*path = below ? rest : skip_slashes(*path);
	if (**path == 0)
		*path = ".";
	return below ? init->anchors[anchor] : init->root;
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

int path_make_below(int base, const char *path, mode_t mode, uint64_t resolve, bool *made)
{
	char prefix[PATH_MAX];
	*made = false;
	int fd = kernel_open(base, path, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | resolve);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	/* Component by component; each prefix is resolved anew from the base, so symlinks on the way count from there. */
	int parent = base;
	for (const char *name = skip_slashes(path), *next;; name = next) {
		const char *end = name + strcspn(name, "/");
		next = skip_slashes(end);
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - path), path);
		fd = kernel_open(base, prefix, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | resolve);
		if (fd < 0 && errno == ENOENT)
			fd = enter_or_make(parent, prefix + (name - path), *next == 0 ? mode : 0755, made);
		if (parent != base)
			(void)close(parent);
		if (fd < 0 || *next == 0)
			return fd;
		parent = fd;
	}
}

int path_make_directory(struct init *init, const char *path, mode_t mode, bool *made)
{
	int base = find_base(init, &path);
	return path_make_below(base, path, mode, 0, made);
}

int path_open_parent(struct init *init, const char *path, uint64_t resolve, const char **name)
{
	char directory[PATH_MAX];
	bool made;
	int base = find_base(init, &path);
	const char *slash = strrchr(path, '/');
	*name = slash == NULL ? path : slash + 1;
	errno = ENAMETOOLONG;
	if ((size_t)snprintf(directory, sizeof(directory), "%.*s", (int)(*name - path), path) >= sizeof(directory))
		return -1;
	return path_make_below(base, slash == NULL ? "." : directory, 0755, resolve, &made);
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
	int fd = strict ? -1 : path_open(init, path, 0);
	if (!strict && (fd >= 0 || errno != ENOENT))
		return fd;
	const char *name;
	scoped_fd parent = path_open_parent(init, path, 0, &name);
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
	for (size_t i = 0; i < init->preopened_count; i++) {
		if (init->preopened[i].path == path)
			return 0;
	}
	struct preopened *all = realloc(init->preopened, (init->preopened_count + 1) * sizeof(*all));
	FAIL_IF(init, all == NULL, "allocate", "");
	init->preopened = all;
	int fd = open(path, O_PATH | O_CLOEXEC);
	/* A missing upper directory is made, any other path is reported by the operation that wants it. */
	if (fd >= 0)
		all[init->preopened_count++] = (struct preopened){ path, fd };
	return 0;
}

int path_preopen(struct init *init)
{
	int result = 0;
	for (size_t i = init->plan->clone + 1; i < init->plan->count; i++) {
		const struct plan_operation *operation = &init->plan->operations[i];
		for (size_t f = 0; f < operation->shape->field_count; f++) {
			struct plan_list paths = operation->values[f].list;
			if (!operation->shape->fields[f].host_path)
				continue;
			if (operation->shape->fields[f].kind == FIELD_STR)
				result |= preopen(init, operation->values[f].text);
			else
				while (paths.count > 0)
					result |= preopen(init, plan_next_string(&paths));
		}
	}
	return result;
}
