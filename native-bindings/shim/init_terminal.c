/* Standard input, output and error: the shim's pipes, or a PTY of the container's own devpts. */
#define _GNU_SOURCE
#include "init.h"

#include "handshake.h"
#include "kernel.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

/* `fds` become 0, 1, 2, whatever their numbers are. */
static int place_stdio(struct init *init, const int fds[3])
{
	int high[3];
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		FAIL_IF(high[i] < 0, "dup of stdio", "");
	}
	for (int i = 0; i < 3; i++) {
		FAIL_IF(dup2(high[i], i) < 0, "dup2 of stdio", "");
		(void)close(high[i]);
	}
	return 0;
}

int init_take_stdio(struct init *init, const int stdio[3])
{
	return plan_has(init->plan, OP_TERMINAL) ? 0 : place_stdio(init, stdio);
}

/*
 * The multiplexer of a file system verified to be devpts: what the container may have bound over it or put in its
 * place is on another mount, which RESOLVE_NO_XDEV refuses (CVE-2025-52565).
 */
static int open_multiplexer(struct init *init)
{
	struct statfs filesystem;
	struct stat status;
	scoped_fd found = init->devpts < 0 ? path_open(init, "/dev/pts", O_DIRECTORY) : -1;
	int devpts = init->devpts < 0 ? found : init->devpts;
	FAIL_IF(devpts < 0 || fstatfs(devpts, &filesystem) != 0, "openat2", "/dev/pts");
	errno = EXDEV;
	FAIL_IF(filesystem.f_type != MAGIC_DEVPTS, "no devpts is mounted", "/dev/pts");
	int master = kernel_open(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK,
				 RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	FAIL_IF(master < 0, "openat2", "/dev/pts/ptmx");
	errno = ENODEV;
	if (fstat(master, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(5, 2))
		return master;
	(void)close(master);
	return init_fail(init, "not the pty multiplexer", "/dev/pts/ptmx");
}

static int bind_console(struct init *init, int slave)
{
	scoped_fd tree = kernel_open_tree(slave, "", KERNEL_TREE_CLONE | AT_EMPTY_PATH);
	FAIL_IF(tree < 0, "open_tree of the terminal", "/dev/console");
	const char *name;
	scoped_fd parent = path_open_parent(init, "/dev/console", RESOLVE_NO_XDEV, &name);
	scoped_fd place = parent < 0 ? -1 : path_open_last(parent, name, false);
	FAIL_IF(place < 0, "open of the mount point", "/dev/console");
	return kernel_attach(tree, place) == 0 ? 0 : init_fail(init, "move_mount", "/dev/console");
}

int init_terminal(struct init *init, const struct plan_operation *operation)
{
	scoped_fd master = open_multiplexer(init);
	if (master < 0)
		return -1;
	int unlock = 0;
	FAIL_IF(ioctl(master, TIOCSPTLCK, &unlock) != 0, "ioctl TIOCSPTLCK", "/dev/pts/ptmx");
	/* The peer itself, not a path that would have to be trusted; ioctl_tty(2). */
	scoped_fd slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	FAIL_IF(slave < 0, "ioctl TIOCGPTPEER", "/dev/pts/ptmx");
	struct winsize size = { .ws_row = (unsigned short)operation->terminal.rows,
				.ws_col = (unsigned short)operation->terminal.columns };
	FAIL_IF((size.ws_row | size.ws_col) != 0 && ioctl(master, TIOCSWINSZ, &size) != 0, "ioctl TIOCSWINSZ", "");
	if (operation->terminal.console != 0 && bind_console(init, slave) != 0)
		return -1;
	FAIL_IF(handshake_send_terminal(init->handshake, master) != 0, "hand over the terminal", "");
	FAIL_IF(ioctl(slave, TIOCSCTTY, 0) != 0, "ioctl TIOCSCTTY", "");
	init->has_terminal = true;
	const int stdio[3] = { slave, slave, slave };
	return place_stdio(init, stdio);
}
