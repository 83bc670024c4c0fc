/* Standard input, output and error: the shim's pipes, or a PTY of the container's own devpts. */
#include "init.h"

#include "handshake.h"

int init_place_stdio(struct init *init, const int fds[3])
{
	int high[3];
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		FAIL_IF(init, high[i] < 0, "dup of stdio", "");
	}
	for (int i = 0; i < 3; i++) {
		FAIL_IF(init, dup2(high[i], i) < 0, "dup2 of stdio", "");
		(void)close(high[i]);
	}
	return 0;
}

/*
 * The multiplexer of a file system verified to be devpts: what the container may have bound over it or put in its
 * place is on another mount, which RESOLVE_NO_XDEV refuses (CVE-2025-52565).
 */
static int open_multiplexer(struct init *init)
{
	struct statfs filesystem;
	struct stat status;
	if (init->devpts < 0)
		init->devpts = path_open(init, "/dev/pts", O_DIRECTORY);
	FAIL_IF(init, init->devpts < 0 || fstatfs(init->devpts, &filesystem) != 0, "openat2", "/dev/pts");
	errno = EXDEV;
	FAIL_IF(init, filesystem.f_type != MAGIC_DEVPTS, "no devpts is mounted", "/dev/pts");
	int master = kernel_open(init->devpts, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK,
				 RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	FAIL_IF(init, master < 0 || fstat(master, &status) != 0, "openat2", "/dev/pts/ptmx");
	errno = ENODEV;
	FAIL_IF(init, !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2), "not the pty multiplexer", "/dev/pts/ptmx");
	return master;
}

static int bind_console(struct init *init, int slave)
{
	scoped_fd tree = kernel_clone_tree(slave, "", false);
	FAIL_IF(init, tree < 0, "open_tree of the terminal", "/dev/console");
	return init_attach_device(init, tree, "/dev/console");
}

/* To whoever was connected to for it, else to the shim. */
static int hand_over(struct init *init, int master)
{
	int console = init->host->fds[HOST_CONNECTIONS + CONNECT_CONSOLE];
	char name[32];
	unsigned number;
	/* Not blocking only for as long as it could have been something else; the shim asks for that again. */
	FAIL_IF(init, ioctl(master, KERNEL_TIOCGPTN, &number) != 0 || fcntl(master, F_SETFL, 0) != 0, "ioctl TIOCGPTN", "/dev/pts/ptmx");
	struct iovec part = { name, (size_t)snprintf(name, sizeof(name), "/dev/pts/%u", number) };
	bool sent = console < 0 ? handshake_send(init->handshake, HANDSHAKE_TERMINAL, NULL, &master, 1) == 0
				: wire_send(console, &part, 1, &master, 1, 0) == (ssize_t)part.iov_len;
	return sent ? 0 : FAIL(init, "hand over the terminal", "");
}

int init_terminal(struct init *init, const struct plan_operation *operation)
{
	scoped_fd master = open_multiplexer(init);
	if (master < 0)
		return -1;
	int unlock = 0;
	FAIL_IF(init, ioctl(master, TIOCSPTLCK, &unlock) != 0, "ioctl TIOCSPTLCK", "/dev/pts/ptmx");
	/* The peer itself, not a path that would have to be trusted; ioctl_tty(2). */
	scoped_fd slave = ioctl(master, KERNEL_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	FAIL_IF(init, slave < 0, "ioctl TIOCGPTPEER", "/dev/pts/ptmx");
	struct winsize size = { .ws_row = (unsigned short)operation->terminal.rows,
				.ws_col = (unsigned short)operation->terminal.columns };
	FAIL_IF(init, (size.ws_row | size.ws_col) != 0 && ioctl(master, TIOCSWINSZ, &size) != 0, "ioctl TIOCSWINSZ", "");
	if (operation->terminal.console != 0 && bind_console(init, slave) != 0)
		return -1;
	if (hand_over(init, master) != 0)
		return -1;
	FAIL_IF(init, ioctl(slave, TIOCSCTTY, 0) != 0, "ioctl TIOCSCTTY", "");
	init->has_terminal = true;
	const int stdio[3] = { slave, slave, slave };
	return init_place_stdio(init, stdio);
}
