/*
 * Where the fuzzers that open files and start processes do so: in namespaces of their own, with the working directory
 * as the root, a procfs and /dev/null in it, as nobody without any right. What they do to files they do to that
 * directory; what they start ends with them. Needs root to begin with.
 */
#include "kernel.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define NOBODY 65534
#define LARGEST_FILE (1 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void must(bool done, const char *what)
{
	if (done)
		return;
	(void)fprintf(stderr, "sandbox: %s: %s\n", what, strerror(errno));
	_exit(2);
}

/* The first process of the pid namespace goes on as the fuzzer; with it all others end. */
static void become_first(void)
{
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
		return;
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	const struct rlimit files = { LARGEST_FILE, LARGEST_FILE }, none = { 0, 0 };
	must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0, "unshare");
	become_first();
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	must(mount(".", ".", NULL, MS_BIND, NULL) == 0, "bind of the working directory");
	char here[PATH_MAX];
	must(getcwd(here, sizeof(here)) != NULL && chdir(here) == 0, "working directory");
	must(mount("proc", "proc", "proc", 0, NULL) == 0 && mount("dev", "dev", "tmpfs", 0, NULL) == 0, "procfs, tmpfs");
	must(mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "mknod");
	/* Not chroot: whoever did that may make no user namespace, and plans are to. */
	must(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, "pivot_root");
	must(setrlimit(RLIMIT_FSIZE, &files) == 0 && setrlimit(RLIMIT_CORE, &none) == 0, "setrlimit");
	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
	must(syscall(SYS_setgroups, 0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0, "setresgid");
	must(setresuid(NOBODY, NOBODY, NOBODY) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "setresuid");
	/*
	 * Otherwise its own files in procfs would be root's, and no user namespace could be given its maps. By number, for
	 * the interpreter's fuzzer has prctl say yes to this and do nothing.
	 */
	must(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "prctl");
	return 0;
}
