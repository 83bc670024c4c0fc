/* The last steps: working directory, environment, execve. */
#include "init.h"

int init_close_descriptors(struct init *init)
{
	unsigned handshake = (unsigned)init->handshake;
	/* Closed and not only marked: until execve they could be named as /proc/self/fd/N (CVE-2024-21626). */
	if (!init->closed && ((handshake > 3 && syscall(SYS_close_range, 3, handshake - 1, 0) != 0) ||
			      syscall(SYS_close_range, handshake + 1, ~0u, 0) != 0))
		return FAIL(init, "close_range", "");
	init->closed = true;
	return 0;
}

static int make_working_directory(struct init *init, const char *path)
{
	bool made;
	scoped_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd directory = path_make_below(root, path, 0755, 0, &made);
	return directory >= 0 ? 0 : FAIL(init, "mkdir of the working directory", path);
}

int init_working_directory(struct init *init, const struct plan_operation *operation)
{
	const char *path = operation->working_directory.path;
	char found[PATH_MAX];
	/* Before the change, so that no descriptor of init's can be the way to it. */
	if (init_close_descriptors(init) != 0)
		return -1;
	if (operation->working_directory.create != 0 && make_working_directory(init, path) != 0)
		return -1;
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

/*
 * Tries argv[0] in each directory of PATH, as execvp(3) does, except that a file which the kernel cannot run is not
 * handed to a shell. Comes back with errno: EACCES where one was found that may not be run, else ENOENT.
 */
static void search_and_execute(char **argv, char **environment)
{
	char candidate[PATH_MAX];
	bool denied = false;
	for (const char *path = find_path(environment);;) {
		size_t size = strcspn(path, ":");
		/* An empty entry is the working directory. */
		int needed = snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)size, path, size == 0 ? "./" : "/", argv[0]);
		struct stat status;
		if ((size_t)needed < sizeof(candidate))
			(void)execve(candidate, argv, environment);
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

int init_exec(struct init *init, const struct plan_operation *operation)
{
	static char *none[] = { NULL };
	char **argv = plan_strings(operation->exec.argv);
	char **environment = init->environment != NULL ? init->environment : none;
	FAIL_IF(init, argv == NULL, "allocate", "");
	if (!plan_has(init->plan, OP_UMASK))
		(void)umask(022);
	if (init_close_descriptors(init) != 0)
		return -1;
	errno = ENOENT;
	FAIL_IF(init, argv[0][0] == 0, "execve of an empty name", "");
	if (strchr(argv[0], '/') != NULL)
		(void)execve(argv[0], argv, environment);
	else
		search_and_execute(argv, environment);
	return FAIL(init, "execve", argv[0]);
}
