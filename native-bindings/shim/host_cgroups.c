/* Control groups: making them, joining them, their device filter on v2, and their removal. */
#define _GNU_SOURCE
#include "host.h"

#include "kernel.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Remembers a group that was made, for launch_groups_remove. 0, or -1 with errno. */
static int remember(struct launch_groups *groups, const char *path, bool shared)
{
	char **paths = realloc(groups->paths, (groups->count + 1) * sizeof(*paths));
	if (paths == NULL)
		return -1;
	groups->paths = paths;
	bool *kinds = realloc(groups->shared, (groups->count + 1) * sizeof(*kinds));
	if (kinds == NULL)
		return -1;
	groups->shared = kinds;
	paths[groups->count] = strdup(path);
	if (paths[groups->count] == NULL)
		return -1;
	kinds[groups->count++] = shared;
	return 0;
}

static int make_group(struct launch_groups *groups, const char *path, bool shared)
{
	if (mkdir(path, 0755) != 0)
		return -1;
	int result = remember(groups, path, shared);
	if (result != 0)
		(void)rmdir(path);
	return result;
}

/* Makes what is missing above `path`. */
static int make_parents(struct launch_groups *groups, const char *path)
{
	char prefix[PATH_MAX];
	if ((size_t)snprintf(prefix, sizeof(prefix), "%s", path) >= sizeof(prefix)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *slash = strchr(prefix + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (access(prefix, F_OK) != 0 && make_group(groups, prefix, true) != 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return 0;
}

int host_cgroup_make(struct host *host, const char *path)
{
	struct launch_groups *groups = &host->launch->groups;
	/* The parent may be removed by the last of its other children between being made and being used. */
	for (int attempt = 0; attempt < 8; attempt++) {
		if (make_group(groups, path, false) == 0 || errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			break;
		if (make_parents(groups, path) != 0 && errno != ENOENT)
			break;
		errno = ENOENT;
	}
	return host_fail(host, "mkdir", path);
}

/*
 * On v1 init is handed its `tasks` file and writes "0" to it: moving oneself needs no lock on all threads of the
 * system, whereas the shim's writing of a pid waits for RCU, 7 to 20 ms (kernel/cgroup/cgroup.c,
 * cgroup_procs_write_start). On v2 there is no such file, and groups are mostly entered by birth.
 */
int host_cgroup_join(struct host *host, const char *path)
{
	scoped_fd group = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	HOST_FAIL_IF(group < 0, "open", path);
	int tasks = openat(group, "tasks", O_WRONLY | O_CLOEXEC);
	if (tasks >= 0) {
		host->tasks[host->task_count++] = tasks;
		return 0;
	}
	scoped_fd procs = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	HOST_FAIL_IF(procs < 0, "open of cgroup.procs", path);
	char pid[32];
	(void)snprintf(pid, sizeof(pid), "%d", (int)host->launch->pid);
	HOST_FAIL_IF(host_write(procs, pid) != 0, "write to cgroup.procs", path);
	/* So that the n-th descriptor stays that of the n-th operation. */
	host->tasks[host->task_count++] = fcntl(procs, F_DUPFD_CLOEXEC, 3);
	return host->tasks[host->task_count - 1] >= 0 ? 0 : host_fail(host, "dup", path);
}

/* The parts of union bpf_attr (include/uapi/linux/bpf.h) that are used here. */
struct bpf_load {
	uint32_t type, instruction_count;
	uint64_t instructions, license;
	uint32_t log_level, log_size;
	uint64_t log;
};

struct bpf_attach {
	uint32_t target, program, type, flags, replaced;
};

struct bpf_query {
	uint32_t target, type, flags, attach_flags;
	uint64_t ids;
	uint32_t count;
};

#define BPF_LOAD_PROGRAM 5
#define BPF_ATTACH 8
#define BPF_PROGRAM_BY_ID 13
#define BPF_QUERY 16
#define BPF_TYPE_CGROUP_DEVICE 15
#define BPF_AT_CGROUP_DEVICE 6
#define BPF_ALLOW_MULTI 2u
#define BPF_REPLACE 4u
#define BPF_INSTRUCTION_SIZE 8

static int bpf(int command, void *attributes, size_t size)
{
	return (int)syscall(SYS_bpf, command, attributes, size);
}

/* The program that the group has already, -1 if none (or not exactly one). */
static int attached_program(int group)
{
	uint32_t ids[2] = { 0 };
	struct bpf_query query = { .target = (uint32_t)group, .type = BPF_AT_CGROUP_DEVICE, .count = 2 };
	query.ids = (uintptr_t)ids;
	if (bpf(BPF_QUERY, &query, sizeof(query)) != 0 || query.count != 1)
		return -1;
	uint32_t attributes[3] = { ids[0] };
	return bpf(BPF_PROGRAM_BY_ID, attributes, sizeof(attributes));
}

int host_cgroup_devices(struct host *host, const char *path, struct plan_bytes program)
{
	scoped_fd group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	HOST_FAIL_IF(group < 0, "open", path);
	/* The plan's bytes need not be aligned; the kernel copies them. */
	struct bpf_load load = { .type = BPF_TYPE_CGROUP_DEVICE,
				 .instruction_count = (uint32_t)(program.size / BPF_INSTRUCTION_SIZE),
				 .instructions = (uintptr_t)program.at,
				 .license = (uintptr_t) "Apache-2.0" };
	scoped_fd loaded = bpf(BPF_LOAD_PROGRAM, &load, sizeof(load));
	HOST_FAIL_IF(loaded < 0, "bpf load", path);
	scoped_fd before = attached_program(group);
	struct bpf_attach attach = { .target = (uint32_t)group,
				     .program = (uint32_t)loaded,
				     .type = BPF_AT_CGROUP_DEVICE,
				     .flags = BPF_ALLOW_MULTI | (before >= 0 ? BPF_REPLACE : 0),
				     .replaced = before >= 0 ? (uint32_t)before : 0 };
	return bpf(BPF_ATTACH, &attach, sizeof(attach)) == 0 ? 0 : host_fail(host, "bpf attach", path);
}

/* Kills what is in the group itself: cgroup.kill on v2 (with all groups below), one by one on v1. */
static void kill_members(int group)
{
	scoped_fd kill_file = openat(group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (kill_file >= 0) {
		(void)host_write(kill_file, "1");
		return;
	}
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *members = fd < 0 ? NULL : fdopen(fd, "r");
	if (members == NULL)
		return;
	int pid;
	while (fscanf(members, "%d", &pid) == 1) {
		/* 0 is a process of a pid namespace that is not seen from here. */
		scoped_fd process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		if (process >= 0)
			(void)syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	}
	(void)fclose(members);
}

/* Removes the groups below one (made by the container itself), deepest first. */
static void remove_below(int group, int depth)
{
	int fd = openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	if (entries == NULL)
		return;
	const struct dirent *entry;
	while ((entry = readdir(entries)) != NULL) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(group, entry->d_name, AT_REMOVEDIR) == 0 || depth == 0)
			continue;
		scoped_fd child = openat(group, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue;
		remove_below(child, depth - 1);
		kill_members(child);
		(void)unlinkat(group, entry->d_name, AT_REMOVEDIR);
	}
	(void)closedir(entries);
}

static int64_t milliseconds(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#define REMOVAL_MILLISECONDS 1500
#define NESTED_GROUPS 64

/* A killed process leaves its group a little later, and nothing tells of it on v1: hence the attempts. */
static void remove_group(const char *path, int64_t deadline)
{
	while (rmdir(path) != 0 && errno == EBUSY && milliseconds() < deadline) {
		scoped_fd group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group < 0)
			return;
		kill_members(group);
		remove_below(group, NESTED_GROUPS);
		if (rmdir(path) == 0)
			return;
		(void)poll(NULL, 0, 2);
	}
}

void launch_groups_remove(struct launch_groups *groups)
{
	int64_t deadline = milliseconds() + REMOVAL_MILLISECONDS;
	for (size_t i = groups->count; i-- > 0;) {
		/* A shared one holds other containers' groups: it goes with the last of them. */
		if (groups->shared[i])
			(void)rmdir(groups->paths[i]);
		else
			remove_group(groups->paths[i], deadline);
		free(groups->paths[i]);
	}
	free(groups->paths);
	free(groups->shared);
	*groups = (struct launch_groups){ 0 };
}
