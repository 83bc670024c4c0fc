/* The last steps: working directory, environment, execve. */
#include "init.h"

int init_preserve_descriptors(struct init *init, const struct plan_operation *operation)
{
	uint64_t count = operation->preserve_descriptors.count;
	errno = EBADF;
	FAIL_IF(init, count > init->host->request->preserved, "the shim was not given as many descriptors", "");
	init->preserved = (unsigned)count;
	for (int fd = 3; fd < 3 + (int)count; fd++)
		FAIL_IF(init, fcntl(fd, F_SETFD, 0) != 0, "fcntl F_SETFD", "");
	return 0;
}

int init_close_descriptors(struct init *init)
{
	const int *fds = init->host->fds;
	const int kept[] = { init->handshake, fds[HOST_START], fds[HOST_RESULT], fds[HOST_CONNECTIONS + CONNECT_SECCOMP_LISTENER] };
	/*
	 * Those that are left are not the container's, nor is what its hooks and execs may ask of one whose credentials are
	 * theirs by then (pidfd_getfd). It has written what procfs has of its own.
	 */
	if (!init->closed)
		(void)prctl(PR_SET_DUMPABLE, 0);
	/* Closed and not only marked: until execve they could be named as /proc/self/fd/N (CVE-2024-21626). */
	for (int from = 3 + (int)init->preserved, next; !init->closed && from > 0; from = next + 1) {
		next = -1;
		for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
			next = kept[i] >= from && (next < 0 || kept[i] < next) ? kept[i] : next;
		FAIL_IF(init, next != from && syscall(SYS_close_range, from, next < 0 ? ~0u : (unsigned)next - 1, 0) != 0,
			"close_range", "");
	}
	init->closed = true;
	return 0;
}

int init_working_directory(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->working_directory.path;
	char found[PATH_MAX];
	/* Before the change, so that no descriptor of init's can be the way to it. */
	if (init_close_descriptors(init) != 0)
		return -1;
	if (operation->working_directory.create != 0) {
		bool made;
		scoped_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		scoped_fd directory = path_make_below(root, path, 0755, 0, &made);
		FAIL_IF(init, directory < 0, "mkdir of the working directory", path);
	}
	FAIL_IF(init, chdir(path) != 0, "chdir", path);
	/*
	 * The system call, because libc's functions hide what it says of a directory that no path leads to from the
	 * root: "(unreachable)/…".
	 */
	FAIL_IF(init, syscall(SYS_getcwd, found, sizeof(found)) < 0, "getcwd", path);
	errno = EXDEV;
	return found[0] == '/' ? 0 : FAIL(init, "working directory is outside of the root", path);
}

int init_environment(struct init *init, const struct plan_operation *operation)
{
	init->environment = plan_strings(operation->environment.variables);
	return init->environment != NULL ? 0 : FAIL(init, "allocate", "");
}

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *find_path(char **environment)
{
	for (; *environment != NULL; environment++) {
		if (strncmp(*environment, "PATH=", 5) == 0)
			return *environment + 5;
	}
	return DEFAULT_PATH;
}

/* Executes a file. Without `argv` it is only seen whether that could be done: errno 0. */
static void attempt(const char *path, char **argv, char **environment)
{
	struct stat status;
	if (argv != NULL) {
		(void)execve(path, argv, environment);
	} else if (stat(path, &status) == 0) {
		errno = S_ISREG(status.st_mode) ? 0 : EACCES;
		if (errno == 0)
			(void)syscall(KERNEL_FACCESSAT2, AT_FDCWD, path, X_OK, AT_EACCESS);
	}
}

/*
 * Tries a file without a slash in each directory of PATH, as execvp(3) does, except that one which the kernel cannot run
 * is not handed to a shell. Comes back with errno: EACCES where one was found that may not be run, else ENOENT.
 */
static void search(const char *file, char **argv, char **environment)
{
	char candidate[PATH_MAX];
	bool denied = false;
	if (file[0] == 0 || strchr(file, '/') != NULL) {
		attempt(file, argv, environment);
		return;
	}
	for (const char *path = find_path(environment);;) {
		size_t size = strcspn(path, ":");
		/* An empty entry is the working directory. */
		int needed = snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)size, path, size == 0 ? "./" : "/", file);
		struct stat status;
		if ((size_t)needed < sizeof(candidate))
			attempt(candidate, argv, environment);
		else
			errno = ENAMETOOLONG;
		if (errno == EACCES)
			denied |= stat(candidate, &status) != 0 || !S_ISDIR(status.st_mode);
		else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
			return;
		if (path[size] == 0)
			break;
		path += size + 1;
	}
	errno = denied ? EACCES : ENOENT;
}

int init_find_executable(struct init *init, const struct plan_operation *operation)
{
	const char *file = operation->find_executable.file;
	search(file, NULL, init->environment);
	/* A filter that is in force may have said no to the looking alone: execve will tell. */
	bool refused = errno == ENOENT || errno == EACCES || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG;
	return refused ? FAIL(init, "search for the executable", file) : 0;
}

int init_exec(struct init *init, const struct plan_operation *operation)
{
	char **argv = plan_strings(operation->exec.argv);
	FAIL_IF(init, argv == NULL, "allocate", "");
	const char *file = operation->exec.file[0] != 0 ? operation->exec.file : argv[0];
	if (init_close_descriptors(init) != 0)
		return -1;
	search(file, argv, init->environment);
	return FAIL(init, "execve", file);
}
