/* fsopen(2), fsconfig(2), fsmount(2); and overlays, for which old kernels know only mount(2). */
#include "filesystem.h"

#define FAIL_HERE(step, path) failure_set(failure, errno, path, "%s", step)

/* The step, and the kernel's own line about it where the context has one ("e overlay: …"). */
static int fail_with_log(struct failure *failure, int context, const char *step, const char *key, const char *path)
{
	int error = errno;
	char line[256];
	ssize_t size = read(context, line, sizeof(line) - 1);
	if (size <= 2)
		return failure_set(failure, error, path, "%s%s", step, key);
	line[size] = 0;
	return failure_set(failure, error, path, "%s%s: %.*s", step, key, (int)strcspn(line + 2, "\n"), line + 2);
}

int filesystem_open(struct failure *failure, const char *type)
{
	int context = (int)syscall(SYS_fsopen, type, KERNEL_FSCLOEXEC);
	return context >= 0 ? context : failure_set(failure, errno, "", "fsopen %s", type);
}

static int configure(int context, const char *key, const char *value)
{
	enum kernel_fsconfig command = value == NULL ? FSCONFIG_FLAG : FSCONFIG_STRING;
	return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

int filesystem_configure(struct failure *failure, int context, const char *key, const char *value)
{
	return configure(context, key, value) == 0 ? 0 : fail_with_log(failure, context, "fsconfig ", key, "");
}

int filesystem_create(struct failure *failure, int context, uint64_t attributes, const char *path)
{
	if (syscall(SYS_fsconfig, context, FSCONFIG_CREATE, NULL, NULL, 0) != 0)
		return fail_with_log(failure, context, "fsconfig create", "", path);
	int mount = (int)syscall(SYS_fsmount, context, KERNEL_FSCLOEXEC, attributes);
	return mount >= 0 ? mount : fail_with_log(failure, context, "fsmount", "", path);
}

static int configure_fd(struct failure *failure, int context, const char *key, int fd)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return filesystem_configure(failure, context, key, path);
}

/* fsconfig(2) takes no longer string. */
#define LONGEST_OPTION 255

/* "PREFIXfd:PREFIXfd:…"; what it would take, also where that is more than `size`. */
static size_t join_layers(const struct overlay *overlay, const char *prefix, char *joined, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < overlay->count; i++)
		used += (size_t)snprintf(used < size ? joined + used : NULL, used < size ? size - used : 0, "%s%s%d",
					 i == 0 ? "" : ":", prefix, overlay->lower[i]);
	return used;
}

/* All in one "lowerdir" as long as they fit, else one by one. */
static int configure_lower(struct failure *failure, int context, const struct overlay *overlay)
{
	char joined[LONGEST_OPTION + 1];
	if (join_layers(overlay, "/proc/self/fd/", joined, sizeof(joined)) < sizeof(joined))
		return filesystem_configure(failure, context, "lowerdir", joined);
	for (size_t i = 0; i < overlay->count; i++) {
		if (configure_fd(failure, context, "lowerdir+", overlay->lower[i]) != 0)
			return -1;
	}
	return 0;
}

int overlay_mount(struct failure *failure, const struct overlay *overlay, const char *path)
{
	scoped_fd context = filesystem_open(failure, "overlay");
	bool writable = overlay->upper >= 0;
	if (context < 0 || filesystem_configure(failure, context, "source", "overlay") != 0 ||
	    configure_lower(failure, context, overlay) != 0 ||
	    (writable && configure_fd(failure, context, "upperdir", overlay->upper) != 0) ||
	    (writable && configure_fd(failure, context, "workdir", overlay->work) != 0) ||
	    (overlay->is_volatile && filesystem_configure(failure, context, "volatile", NULL) != 0) ||
	    (overlay->userxattr && filesystem_configure(failure, context, "userxattr", NULL) != 0))
		return -1;
	return filesystem_create(failure, context, 0, path);
}

bool overlay_is_beyond_kernel(const struct overlay *overlay)
{
	char first[64];
	if (join_layers(overlay, "/proc/self/fd/", NULL, 0) <= LONGEST_OPTION)
		return false;
	scoped_fd context = (int)syscall(SYS_fsopen, "overlay", KERNEL_FSCLOEXEC);
	(void)snprintf(first, sizeof(first), "/proc/self/fd/%d", overlay->lower[0]);
	return context >= 0 && configure(context, "lowerdir+", first) != 0 && errno == EINVAL;
}

#define LONGEST_DATA 4096

int overlay_mount_at(struct failure *failure, const struct overlay *overlay, const char *at)
{
	char layers[LONGEST_DATA], data[LONGEST_DATA], writable[64] = "";
	/* From there each is as short as its number: 500 of them fit. */
	if (chdir("/proc/self/fd") != 0)
		return FAIL_HERE("chdir", "/proc/self/fd");
	if (overlay->upper >= 0)
		(void)snprintf(writable, sizeof(writable), ",upperdir=%d,workdir=%d", overlay->upper, overlay->work);
	size_t used = join_layers(overlay, "", layers, sizeof(layers));
	if (used < sizeof(layers))
		used = (size_t)snprintf(data, sizeof(data), "lowerdir=%s%s%s%s", layers, writable,
					overlay->is_volatile ? ",volatile" : "", overlay->userxattr ? ",userxattr" : "");
	errno = E2BIG;
	int result = used < sizeof(data) ? (int)syscall(SYS_mount, "overlay", at, "overlay", 0, data) : -1;
	int error = errno;
	if (chdir("/") != 0)
		return FAIL_HERE("chdir", "/");
	return result == 0 ? 0 : failure_set(failure, error, at, "mount of the overlay");
}
