/*
 * tare-shim: the one process per container that outlives the daemon. It is the parent of the container's init and
 * execs, owns their stdio, writes the log and the exit record, and answers on its socket.
 */
#include "launch.h"
#include "messages.h"
#include "supervise.h"

#ifdef __SANITIZE_ADDRESS__
/* The leak check needs ptrace, which a process that is not dumpable does not allow. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

struct options {
	const char *socket;
	const char *plan;
	const char *group;
	int ready;
	int connection; /* -1: it listens on `socket` */
	int preserved;
	bool network;
	bool version;
	char *title;
	size_t title_size;
};

static int complain(const char *what, const char *about, int error)
{
	(void)fprintf(stderr, "tare-shim: %s%s%s%s%s\n", what, about[0] == '\0' ? "" : " ", about, error == 0 ? "" : ": ",
	              error == 0 ? "" : strerror(error));
	return -1;
}

/* -1 where the text is no number of descriptors or of one above 2. */
static int parse_number(const char *text, long least)
{
	char *end;
	long number = strtol(text, &end, 10);
	return *text == '\0' || *end != '\0' || number < least || number > 1 << 20 ? -1 : (int)number;
}

static int *numeric(struct options *options, const char *name)
{
	return strcmp(name, "--ready-fd") == 0     ? &options->ready :
	       strcmp(name, "--connection") == 0   ? &options->connection :
	       strcmp(name, "--preserve-fds") == 0 ? &options->preserved : NULL;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	const char *last = argv[argc - 1];
	*options = (struct options){.ready = -1, .connection = -1,
	                            .title = argv[0], .title_size = (size_t)(last - argv[0]) + strlen(last) + 1};
	int *number;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--version") == 0) {
			options->version = true;
		} else if (strcmp(argv[i], "--new-network") == 0) {
			options->network = true;
		} else if (strcmp(argv[i], "--socket") == 0 && value != NULL) {
			options->socket = argv[++i];
		} else if (strcmp(argv[i], "--spare-group") == 0 && value != NULL) {
			options->group = argv[++i];
		} else if (strcmp(argv[i], "--dump-plan") == 0 && value != NULL) {
			options->plan = argv[++i];
		} else if (value != NULL && (number = numeric(options, argv[i])) != NULL) {
			*number = parse_number(argv[++i], number == &options->preserved ? 0 : 3);
			if (*number < 0)
				return complain("not a number of this kind:", value, 0);
		} else {
			return complain("unknown or incomplete option", argv[i], 0);
		}
	}
	if (options->connection >= 0 && options->connection != 3 + options->preserved)
		return complain("the connection is the first descriptor after those preserved", "", 0);
	if ((options->socket != NULL) + (options->plan != NULL) + (options->connection >= 0) + options->version != 1)
		return complain("usage: tare-shim --socket PATH [--ready-fd N] [--new-network] [--spare-group PATH] | "
		                "--connection N [--preserve-fds K] | --dump-plan FILE | --version", "", 0);
	return 0;
}

static int dump_plan(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *plan = fd < 0 || fstat(fd, &status) != 0 ? NULL : malloc((size_t)status.st_size + 1);
	if (plan == NULL || read(fd, plan, (size_t)status.st_size) != status.st_size)
		return complain("cannot read", path, errno);
	struct failure failure = {.operation = -1};
	if (plan_dump(plan, (size_t)status.st_size, stdout, &failure) != 0)
		return complain(failure.step, failure.path, failure.error);
	return fflush(stdout) == 0 ? 0 : complain("cannot write", "the plan", errno);
}

/*
 * No signal of a terminal, of a service manager or of a closed socket may end the shim before its container, so none is
 * let in but those of its own errors. SIGCHLD goes on to the loop; where our parent ignored it nobody could be waited
 * for. Init begins with all of this undone.
 */
static void settle_signals(void)
{
	sigset_t unheeded;
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigfillset(&unheeded);
	(void)sigdelset(&unheeded, SIGSEGV);
	(void)sigdelset(&unheeded, SIGBUS);
	(void)sigprocmask(SIG_SETMASK, &unheeded, NULL);
}

/* Opened before protection is sought, so that what was given can be put back for the children. */
static void settle_oom_score(struct shim *shim)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	/* ignoring: without CAP_SYS_RESOURCE the shim is as mortal as its container */
	if (read(fd, shim->oom_score_given, sizeof(shim->oom_score_given) - 1) <= 0 || pwrite(fd, "-999", 4, 0) != 4)
		close_and_forget(&fd);
	shim->oom_score = fd;
}

/* Descriptors that were inherited by mistake would be held as long as the container lives. 0, or -1 with errno. */
static int close_inherited(const struct options *options)
{
	int last = options->connection >= 0 ? options->connection : options->ready;
	int first = options->connection >= 0 ? 3 : last;
	if (first > 3)
		(void)syscall(SYS_close_range, 3, (unsigned)first - 1, 0);
	(void)syscall(SYS_close_range, last < 0 ? 3 : (unsigned)last + 1, ~0U, 0);
	/* One that is not there would be taken for one that is preserved as soon as it is. */
	for (int fd = first; fd >= 0 && fd <= last; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return -1;
	}
	return 0;
}

/* Every error up to here went to stderr; from here on there is nobody to read it. */
static void leave_terminal(const struct options *options)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		(void)close(null);
	if (options->ready >= 0) {
		(void)write(options->ready, "", 1);
		(void)close(options->ready);
	}
}

/* A path that was taken over by another socket meanwhile is not ours to remove. */
static void remove_socket(const char *path, const struct stat *ours)
{
	struct stat now;
	if (lstat(path, &now) == 0 && now.st_dev == ours->st_dev && now.st_ino == ours->st_ino)
		(void)unlink(path);
}

/* What both kinds of shim are: 0, or -1 with the complaint made. */
static int settle(struct shim *shim, const struct options *options)
{
	*shim = (struct shim){.epoll = -1, .oom_score = -1, .listener.fd = -1, .signals.fd = -1, .home = -1,
	                     .title = options->title, .title_size = options->title_size};
	(void)umask(022); /* what is private says so when it is made; control groups are to be readable from inside */
	if (close_inherited(options) != 0)
		return complain("a descriptor that was named is not open", "", errno);
	settle_signals();
	settle_oom_score(shim);
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return complain("prctl", "", errno);
	return 0;
}

/*
 * A network namespace takes the kernel as long as everything else that init is born with together: the shim makes it while
 * nobody waits, and is in it until init is. Ignoring that it cannot be made: init gets one at its birth, or says why not.
 */
static void make_network(struct shim *shim)
{
	shim->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (shim->home >= 0 && unshare(CLONE_NEWNET) != 0)
		close_and_forget(&shim->home);
}

/*
 * The same of a control group of v1's memory, half a millisecond of the kernel's: it is given its name when its container
 * has one. Ignoring that it cannot be made, as with the namespace.
 */
static void make_group(struct shim *shim, const char *path)
{
	if (path != NULL && mkdir(path, 0755) == 0)
		shim->spare_group = path;
}

/* For many clients, until its container's end is known: the daemon's. */
static int run(const struct options *options)
{
	struct shim shim;
	(void)setsid(); /* ignoring: fails for the leader of a process group, which its shell has set apart already */
	if (settle(&shim, options) != 0)
		return -1;
	if (options->network)
		make_network(&shim);
	struct stat socket;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return complain("prctl", "", errno);
	if (supervise_listen(&shim, options->socket) != 0 || lstat(options->socket, &socket) != 0)
		return complain("cannot listen on", options->socket, errno);
	if (options->socket[0] == '/' && chdir("/") != 0)
		return complain("chdir", "/", errno);
	leave_terminal(options);
	make_group(&shim, options->group);
	int result = supervise_run(&shim);
	supervise_drop_group(&shim);
	remove_socket(options->socket, &socket);
	return result;
}

/*
 * For one client, on a connection that both have from the start, and as long as that lasts: tare-oci's. It stays in
 * its session, for the terminal is to be handed on, and leaves behind what was started with `outlive_shim`.
 */
static int attend(const struct options *options)
{
	struct shim shim;
	if (settle(&shim, options) != 0)
		return -1;
	shim.attended = true;
	shim.preserved = (unsigned)options->preserved;
	if (supervise_attend(&shim, options->connection) != 0)
		return complain("cannot serve the connection", "", errno);
	return supervise_run(&shim);
}

int main(int argc, char **argv)
{
	struct options options;
	if (parse_options(argc, argv, &options) != 0)
		return EXIT_FAILURE;
	if (options.version)
		return printf("tare-shim %s, protocol %d\n", TARE_VERSION, PROTOCOL_VERSION) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	int result = options.plan != NULL ? dump_plan(options.plan) : options.connection >= 0 ? attend(&options) : run(&options);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
