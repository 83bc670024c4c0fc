/* New file systems by fsopen(2), and overlays of them; what both init and the shim make. */
#pragma once

#include "failure.h"
#include "kernel.h"

/* fsopen(2), -1 with the failure. */
int filesystem_open(struct failure *failure, const char *type);
/* One fsconfig(2) of the context: a string, or a flag where `value` is NULL. The kernel's own words go into the failure. */
int filesystem_configure(struct failure *failure, int context, const char *key, const char *value);
/* FSCONFIG_CMD_CREATE and fsmount(2): the mount's descriptor, -1 with the failure. */
int filesystem_create(struct failure *failure, int context, uint64_t attributes, const char *path);

/* Overlay takes no more; fs/overlayfs/params.h, OVL_MAX_STACK. */
#define OVERLAY_MOST_LAYERS 500

/* By descriptor: their paths may hold ':' and ',', and may be out of reach by now. */
struct overlay {
	int lower[OVERLAY_MOST_LAYERS]; /* the topmost first */
	size_t count;
	int upper, work; /* -1: it is read-only */
	bool is_volatile, userxattr;
};

/* A detached mount of it, -1 with the failure. */
int overlay_mount(struct failure *failure, const struct overlay *overlay, const char *path);
/*
 * Whether it takes mount(2): there are more layers than one string has room for, and the kernel does not know
 * "lowerdir+", which came with 6.7.
 */
bool overlay_is_beyond_kernel(const struct overlay *overlay);
/* By mount(2), whose options are a page: attached at `at`. For a mount namespace of one's own. 0, or -1 with the failure. */
int overlay_mount_at(struct failure *failure, const struct overlay *overlay, const char *at);
