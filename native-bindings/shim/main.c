/*
 * tare-shim: the one process per container that outlives the daemon. It is the parent of the container's init and
 * execs, owns their stdio, writes the log and the exit record, and answers on its socket.
 */
#include "launch.h"
#include "messages.h"
#include "supervise.h"

#include <signal.h>
#include <sys/prctl.h>

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
	int ready;
	bool inherit_stdio;
	bool version;
};

static int complain(const char *what, const char *about, int error)
{
	(void)fprintf(stderr, "tare-shim: %s%s%s%s%s\n", what, about[0] == '\0' ? "" : " ", about, error == 0 ? "" : ": ",
	              error == 0 ? "" : strerror(error));
	return -1;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	*options = (struct options){.ready = -1};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--version") == 0) {
			options->version = true;
		} else if (strcmp(argv[i], "--inherit-stdio") == 0) {
			options->inherit_stdio = true;
		} else if (strcmp(argv[i], "--socket") == 0 && value != NULL) {
			options->socket = argv[++i];
		} else if (strcmp(argv[i], "--dump-plan") == 0 && value != NULL) {
			options->plan = argv[++i];
		} else if (strcmp(argv[i], "--ready-fd") == 0 && value != NULL) {
			char *end;
			long number = strtol(argv[++i], &end, 10);
			if (*value == '\0' || *end != '\0' || number < 3 || number > 1 << 20)
				return complain("not a descriptor above 2:", value, 0);
			options->ready = (int)number;
		} else {
			return complain("unknown or incomplete option", argv[i], 0);
		}
	}
	if (options->socket == NULL && options->plan == NULL && !options->version)
		return complain("usage: tare-shim --socket PATH [--ready-fd N] [--inherit-stdio] | --dump-plan FILE | --version",
		                "", 0);
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

static void do_nothing(int number)
{
	(void)number;
}

/*
 * No signal of a terminal, of a service manager or of a closed socket may end the shim before its container. They
 * are caught rather than ignored, because execve(2) hands "ignored" on to the container's program, and a
 * disposition that our own parent ignored is put back for the same reason.
 */
static void settle_signals(void)
{
	static const int unheeded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGALRM, SIGTERM,
	                               SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU};
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < SIGRTMAX; number++) {
		struct sigaction now;
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			(void)signal(number, SIG_DFL);
	}
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
	for (size_t i = 0; i < sizeof(unheeded) / sizeof(unheeded[0]); i++)
		(void)sigaction(unheeded[i], &action, NULL);
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

/* Descriptors that were inherited by mistake would be held as long as the container lives. */
static void close_inherited(int ready)
{
	if (ready > 3)
		(void)syscall(SYS_close_range, 3, (unsigned)ready - 1, 0);
	(void)syscall(SYS_close_range, ready < 0 ? 3 : (unsigned)ready + 1, ~0U, 0);
	(void)fcntl(ready, F_SETFD, FD_CLOEXEC);
}

/* Every error up to here went to stderr; from here on there is nobody to read it. */
static void leave_terminal(const struct options *options)
{
	int null = options->inherit_stdio ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
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

static int run(const struct options *options)
{
	struct shim shim = {.epoll = -1, .oom_score = -1, .inherit_stdio = options->inherit_stdio};
	(void)setsid(); /* ignoring: fails for the leader of a process group, which its shell has set apart already */
	(void)umask(022); /* what is private says so when it is made; control groups are to be readable from inside */
	close_inherited(options->ready);
	settle_signals();
	settle_oom_score(&shim);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return complain("prctl", "", errno);
	struct stat socket;
	if (supervise_listen(&shim, options->socket) != 0 || lstat(options->socket, &socket) != 0)
		return complain("cannot listen on", options->socket, errno);
	if (options->socket[0] == '/' && chdir("/") != 0)
		return complain("chdir", "/", errno);
	leave_terminal(options);
	int result = supervise_run(&shim);
	remove_socket(options->socket, &socket);
	return result;
}

int main(int argc, char **argv)
{
	struct options options;
	if (parse_options(argc, argv, &options) != 0)
		return EXIT_FAILURE;
	if (options.version)
		return printf("tare-shim %s, protocol %d\n", TARE_VERSION, PROTOCOL_VERSION) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	int result = options.plan != NULL ? dump_plan(options.plan) : run(&options);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
