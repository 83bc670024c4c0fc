/* MOUNT_COPY_UP: a new tmpfs begins with what the directory under it holds. */
#include "init.h"

#include <dirent.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#define DEEPEST 64
#define LONGEST_NAMES 65536

/* What the new file system does not know (ENOTSUP) or does not let be set (EPERM) is left out. 0, or -1 with errno. */
static int copy_attributes(int from, int to)
{
	char names[LONGEST_NAMES], value[LONGEST_NAMES];
	ssize_t size = flistxattr(from, names, sizeof(names));
	if (size < 0 && errno != ENOTSUP)
		return -1;
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		ssize_t length = fgetxattr(from, name, value, sizeof(value));
		if (length >= 0 && fsetxattr(to, name, value, (size_t)length, 0) != 0 && errno != ENOTSUP && errno != EPERM)
			return -1;
	}
	return 0;
}

/* Owner first, because changing it takes set-id bits away; times last. */
static int copy_metadata(int from, int to, const struct stat *status)
{
	const struct timespec times[2] = { status->st_atim, status->st_mtim };
	if (fchown(to, status->st_uid, status->st_gid) != 0 || fchmod(to, status->st_mode & 07777) != 0)
		return -1;
	return copy_attributes(from, to) != 0 ? -1 : futimens(to, times);
}

static int copy_entries(int from, int to, int depth);

/* A file or a directory, which both are opened; what was looked at may have become another since. */
static int copy_opened(int from, int to, const char *name, const struct stat *status, int depth)
{
	bool directory = S_ISDIR(status->st_mode);
	struct stat opened;
	scoped_fd source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (source < 0 || fstat(source, &opened) != 0)
		return -1;
	errno = ESTALE;
	if (opened.st_ino != status->st_ino || opened.st_dev != status->st_dev)
		return -1;
	if (directory && mkdirat(to, name, 0700) != 0)
		return -1;
	scoped_fd target = openat(to, name, directory ? O_RDONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t copied = target < 0 ? -1 : 1;
	if (target >= 0 && directory)
		copied = copy_entries(source, target, depth - 1);
	while (!directory && copied > 0)
		copied = sendfile(target, source, NULL, 1 << 20);
	return copied != 0 ? -1 : copy_metadata(source, target, status);
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat status;
	char link[PATH_MAX] = "";
	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode))
		return copy_opened(from, to, name, &status, depth);
	if (S_ISLNK(status.st_mode) && readlinkat(from, name, link, sizeof(link) - 1) < 0)
		return -1;
	int result = link[0] != 0 ? symlinkat(link, to, name) : mknodat(to, name, status.st_mode, status.st_rdev);
	const struct timespec times[2] = { status.st_atim, status.st_mtim };
	if (result != 0 || fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_entries(int from, int to, int depth)
{
	errno = ELOOP;
	DIR *entries = depth == 0 ? NULL : fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 3));
	if (entries == NULL)
		return -1;
	int result = 0;
	const struct dirent *entry;
	while (result == 0 && (entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = copy_entry(from, to, entry->d_name, depth);
	}
	(void)closedir(entries);
	return result;
}

int init_copy_up(struct init *init, int from, int to, struct plan_list options, const char *path)
{
	struct stat status, made;
	scoped_fd target = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped_fd source = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (source < 0 || target < 0 || fstat(source, &status) != 0 || fstat(target, &made) != 0 ||
	    copy_entries(source, target, DEEPEST) != 0)
		return FAIL(init, "copy of what the mount point holds", path);
	status.st_mode = plan_has_option(options, "mode") ? made.st_mode : status.st_mode;
	status.st_uid = plan_has_option(options, "uid") ? made.st_uid : status.st_uid;
	status.st_gid = plan_has_option(options, "gid") ? made.st_gid : status.st_gid;
	return copy_metadata(source, target, &status) == 0 ? 0 : FAIL(init, "copy of mode and owner", path);
}
