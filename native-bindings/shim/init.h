/*
 * Init: the child of a launch, from clone to execve. It carries out the plan's operations of the room `init`
 * one after the other and ends at the first that fails, after telling the shim which and why.
 */
#pragma once

#include "filesystem.h"
#include "host.h"

/* Mounts that paths begin at, so that not even a rename of their mount points leads elsewhere. */
enum { ANCHOR_PROC, ANCHOR_SYS, ANCHOR_DEV, ANCHORS };

/* A host path opened before init gave up the right to. */
struct preopened {
	const char *path; /* the plan's own pointer */
	int fd;
};

struct init {
	const struct host *host; /* what was opened before the clone */
	const struct plan *plan;
	struct failure *failure;
	int handshake;
	char host_pid[16]; /* its number in that procfs */
	int procfs; /* the host's, verified; -1 where the plan does not need it */
	int root;   /* O_PATH of the container's root, -1 until there is one */
	int anchors[ANCHORS];
	int devpts; /* the last devpts mounted, -1: none */
	int null_device; /* the host's /dev/null, verified; -1 where the plan masks nothing */
	int empty_directory; /* the first of the masks of directories, of which all others are clones; -1: none yet */
	struct preopened *preopened;
	size_t preopened_count;
	char **environment;
	bool has_terminal;
	unsigned preserved; /* descriptors from 3 on that are the user's */
	bool closed; /* only stdio, those preserved, and what is still to be spoken on are left open */
	bool released; /* from await_start: failures go to the pipe */
};

/* The child's whole life. `handshake` is its end of the socket. */
_Noreturn void init_run(const struct host *host, int handshake);

/* All operations, as init_<name>: 0, or -1 with init->failure. */
typedef int init_operation(struct init *init, const struct plan_operation *operation);
#define INIT_OPERATION(code, name) init_operation init_##name;
PLAN_INIT_OPERATIONS(INIT_OPERATION)
#undef INIT_OPERATION

/* init_namespaces.c */
/* Dies with the shim, unless it is to outlive it. To be called again after every change of credentials, which the kernel lets undo it. */
int init_follow_shim(struct init *init);

/* The failure, as `await_start` says, into the pipe. */
void init_tell_result(const struct init *init);

/* init_mount.c */
int init_attach(struct init *init, int mount, int place, const char *path);
/*
 * A mount point, made if missing, which does not lie in procfs by a symlink of the image; `strict` as path_open_target has
 * it. -1 with the failure.
 */
int init_open_mount_point(struct init *init, const char *target, bool directory, bool strict);
/* A detached clone of the mount tree at a host path, -1 with errno. */
int init_clone_host(struct init *init, const char *path, bool recursive);
/* /dev/null for masking, opened and verified while the host's is still in reach. */
int init_prepare_null(struct init *init);

/* init_devices.c: attaches a device's mount at `path`, made if missing, which no symlink on the way leads into another mount. */
int init_attach_device(struct init *init, int mount, const char *path);

/*
 * init_copy_up.c: copies what is in `from` into `to`, with mode, owner, times and extended attributes; but of `to` itself
 * the mode and owner stay that `options` say.
 */
int init_copy_up(struct init *init, int from, int to, struct plan_list options, const char *path);

/* init_paths.c */
/* openat2(2) below the root, O_PATH | `flags`. -1 with errno. */
int path_open(struct init *init, const char *path, uint64_t flags);
/* mkdir -p below the root and O_PATH of it; `mode` for the last component. `*made` where it was missing. -1 with errno. */
int path_make_directory(struct init *init, const char *path, mode_t mode, bool *made);
/* The same below a directory of one's own; `resolve` as below. */
int path_make_below(int base, const char *path, mode_t mode, uint64_t resolve, bool *made);
/*
 * The directory in which `path` lies (made if missing), and its last component. `resolve`: 0 or RESOLVE_NO_XDEV,
 * for what must not be made in a mount that the image's symlinks lead into. -1 with errno.
 */
int path_open_parent(struct init *init, const char *path, uint64_t resolve, const char **name);
/* Opens a last component without following it, made if missing. -1 with errno. */
int path_open_last(int parent, const char *name, bool directory);
/* What a mount goes onto: made if missing, a directory or an empty file. `strict`: the last component must be no symlink. */
int path_open_target(struct init *init, const char *path, bool directory, bool strict);
/* The anchor that `path` names exactly, or -1. */
int path_anchor(const char *path);
/* O_PATH of a host path, opened beforehand or now. -1 with errno. */
int path_open_host(struct init *init, const char *path);
/* Opens those of the plan's host paths that are there and not yet opened, while that is still allowed. */
int path_preopen(struct init *init);

/* init_terminal.c: `fds` become 0, 1, 2, whatever their numbers are. */
int init_place_stdio(struct init *init, const int fds[3]);

/* init_proc.c */
/* The host's procfs, verified to be one. */
int init_open_procfs(struct init *init);
/* One write to a file below a directory of the verified procfs. */
int init_write_procfs(struct init *init, int directory, const char *name, const char *value);

/* init_exec.c */
/* Closes all but stdio, preserved descriptors and what is still to be spoken on, once. */
int init_close_descriptors(struct init *init);
