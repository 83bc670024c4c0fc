/*
 * Runs inside a container and writes what a process there has and sees, one "name value" a line; the tests compare.
 *
 *     report [stat PATH | link PATH | read PATH | write PATH | sysctl KEY | propagation]…
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char **environ;

static const struct {
	int number;
	const char *name;
} LIMITS[] = {
	{ RLIMIT_AS, "RLIMIT_AS" },		{ RLIMIT_CORE, "RLIMIT_CORE" },
	{ RLIMIT_CPU, "RLIMIT_CPU" },		{ RLIMIT_DATA, "RLIMIT_DATA" },
	{ RLIMIT_FSIZE, "RLIMIT_FSIZE" },	{ RLIMIT_LOCKS, "RLIMIT_LOCKS" },
	{ RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK" },	{ RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE" },
	{ RLIMIT_NICE, "RLIMIT_NICE" },		{ RLIMIT_NOFILE, "RLIMIT_NOFILE" },
	{ RLIMIT_NPROC, "RLIMIT_NPROC" },	{ RLIMIT_RSS, "RLIMIT_RSS" },
	{ RLIMIT_RTPRIO, "RLIMIT_RTPRIO" },	{ RLIMIT_RTTIME, "RLIMIT_RTTIME" },
	{ RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING" }, { RLIMIT_STACK, "RLIMIT_STACK" },
};

static const char *answer(long result)
{
	return result >= 0 ? "ok" : strerrorname_np(errno);
}

/* Each line of a file, with a name before it. */
static void lines_of(const char *name, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");
	if (!file) {
		printf("%s: %s\n", name, strerrorname_np(errno));
		return;
	}
	for (ssize_t size; (size = getline(&line, &room, file)) > 0;)
		printf("%s %s%s", name, line, line[size - 1] == '\n' ? "" : "\n");
	free(line);
	(void)fclose(file);
}

static void stat_of(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0) {
		printf("stat %s %s\n", path, strerrorname_np(errno));
		return;
	}
	char kind = S_ISCHR(status.st_mode)    ? 'c'
		    : S_ISBLK(status.st_mode)  ? 'b'
		    : S_ISFIFO(status.st_mode) ? 'p'
		    : S_ISDIR(status.st_mode)  ? 'd'
					       : 'f';
	printf("stat %s %c %u:%u %04o %u:%u\n", path, kind, major(status.st_rdev), minor(status.st_rdev),
	       status.st_mode & 07777, status.st_uid, status.st_gid);
}

static void link_of(const char *path)
{
	char target[4096];
	ssize_t size = readlink(path, target, sizeof(target) - 1);
	printf("link %s %.*s\n", path, (int)(size < 0 ? 0 : size), target);
}

/* "content" where a byte or an entry is to be had, "empty", or why it cannot be read. A FIFO is not waited for. */
static const char *read_of(const char *path)
{
	struct stat status;
	char byte;
	if (stat(path, &status) != 0)
		return strerrorname_np(errno);
	if (S_ISDIR(status.st_mode)) {
		int entries = 0;
		DIR *folder = opendir(path);
		if (!folder)
			return strerrorname_np(errno);
		for (struct dirent *entry; (entry = readdir(folder));)
			entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
		closedir(folder);
		return entries > 0 ? "content" : "empty";
	}
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return strerrorname_np(errno);
	ssize_t size = read(fd, &byte, 1);
	const char *found = size > 0 ? "content" : size == 0 ? "empty" : strerrorname_np(errno);
	close(fd);
	return found;
}

/* Nothing is changed for good: a file is opened only, what is made in a directory is removed. */
static const char *write_of(const char *path)
{
	struct stat status;
	char made[4096];
	if (stat(path, &status) != 0)
		return strerrorname_np(errno);
	if (!S_ISDIR(status.st_mode)) {
		int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		const char *found = answer(fd);
		if (fd >= 0)
			close(fd);
		return found;
	}
	snprintf(made, sizeof(made), "%s/made-by-report", path);
	int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const char *found = answer(fd);
	if (fd >= 0) {
		close(fd);
		unlink(made);
	}
	return found;
}

/* A copy of the root's tree is bound aside; then something is mounted in the root: does the copy show it? */
static const char *propagation(void)
{
	mkdir("/copy", 0755);
	mkdir("/point", 0755);
	mkdir("/thing", 0755);
	mkdir("/thing/inside", 0755);
	if (mount("/", "/copy", NULL, MS_BIND | MS_REC, NULL) != 0)
		return strerrorname_np(errno);
	if (mount("/thing", "/point", NULL, MS_BIND, NULL) != 0)
		return strerrorname_np(errno);
	return access("/copy/point/inside", F_OK) == 0 ? "shown" : "hidden";
}

static void everything(char **argv)
{
	char text[4096];
	gid_t groups[64];
	mode_t mask = umask(0);
	umask(mask);
	printf("cwd %s\n", getcwd(text, sizeof(text)) ? text : strerrorname_np(errno));
	for (; *argv; argv++)
		printf("argument %s\n", *argv);
	for (char **variable = environ; *variable; variable++)
		printf("variable %s\n", *variable);
	printf("user %u:%u\numask %04o\n", getuid(), getgid(), mask);
	int count = getgroups(64, groups);
	for (int i = 0; i < count; i++)
		printf("group %u\n", groups[i]);
	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		struct rlimit limit;
		getrlimit(LIMITS[i].number, &limit);
		printf("limit %s %lu %lu\n", LIMITS[i].name, limit.rlim_cur, limit.rlim_max);
	}
	gethostname(text, sizeof(text));
	printf("hostname %s\n", text);
	(void)!getdomainname(text, sizeof(text));
	printf("domainname %s\n", text);
	lines_of("status", "/proc/self/status");
	lines_of("mount", "/proc/self/mountinfo");
	lines_of("uid_map", "/proc/self/uid_map");
	lines_of("gid_map", "/proc/self/gid_map");
	lines_of("oom_score_adj", "/proc/self/oom_score_adj");
}

static void setting(const char *key)
{
	char path[4096], name[4096];
	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	for (char *c = path; *c; c++)
		if (*c == '.')
			*c = '/';
	snprintf(name, sizeof(name), "sysctl %s", key);
	lines_of(name, path);
}

int main(int argc, char **argv)
{
	everything(argv);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "propagation"))
			printf("propagation %s\n", propagation());
		else if (!strcmp(argv[i], "stat"))
			stat_of(argv[++i]);
		else if (!strcmp(argv[i], "link"))
			link_of(argv[++i]);
		else if (!strcmp(argv[i], "read"))
			printf("read %s %s\n", argv[++i], read_of(value));
		else if (!strcmp(argv[i], "write"))
			printf("write %s %s\n", argv[++i], write_of(value));
		else if (!strcmp(argv[i], "sysctl"))
			setting(argv[++i]);
		else
			return 2;
	}
	printf("complete\n");
	return 0;
}
