/* Control groups: making them, joining them, their device filter on v2, and their removal. */
#include "host.h"

#include <dirent.h>
#include <poll.h>

/* The one that was made ahead takes the name, where it lies beside it. */
static bool take_spare(const char *spare, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (spare == NULL || slash == NULL)
		return false;
	size_t parent = (size_t)(slash - path) + 1;
	return strncmp(spare, path, parent) == 0 && strchr(spare + parent, '/') == NULL && rename(spare, path) == 0;
}

/* To be removed by `remover` (NULL: nobody), unless it is there already. 0, or -1 with errno. */
static int make_group(struct launch *remover, const char *spare, const char *path, bool shared)
{
	size_t size = strlen(path) + 1;
	struct launch_group *group = malloc(sizeof(*group) + size);
	if (group == NULL)
		return -1;
	bool made = take_spare(spare, path) || mkdir(path, 0755) == 0;
	if (!made || remover == NULL) {
		free(group);
		return made || errno == EEXIST ? 0 : -1;
	}
	*group = (struct launch_group){ .next = remover->groups, .shared = shared };
	memcpy(group->path, path, size);
	remover->groups = group;
	return 0;
}

/* Makes what is missing above `path`. */
static int make_parents(struct launch *remover, const char *path)
{
	char prefix[PATH_MAX];
	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(slash - path), path);
		if (make_group(remover, NULL, prefix, true) != 0)
			return -1;
	}
	return 0;
}

int host_cgroup_make(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_make.host;
	struct launch *remover = operation->cgroup_make.keep == 0 ? host->launch : NULL;
	int result = -1;
	/* The parent may be removed by the last of its other children between being made and being used. */
	for (int attempt = 0; attempt < 8 && result != 0; attempt++) {
		result = make_group(remover, host->request->spare_group, path, false);
		if (result != 0 && (errno != ENOENT || (make_parents(remover, path) != 0 && errno != ENOENT)))
			break;
	}
	return result == 0 ? 0 : FAIL(host, "mkdir", path);
}

int host_cgroup_write(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_write.host;
	/* The shim waits for nobody, not even for the reader of a pipe in the place of a group's file. */
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	FAIL_IF(host, fd < 0, "open", path);
	return host_write(fd, operation->cgroup_write.value) == 0 ? 0 : FAIL(host, "write", path);
}

int host_cgroup_own(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_own.host;
	int result = lchown(path, (uid_t)operation->cgroup_own.uid, (gid_t)-1);
	return result == 0 || errno == ENOENT ? 0 : FAIL(host, "chown", path);
}

int host_cgroup_into(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_into.host;
	return host_keep(host, HOST_CGROUP, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), "open", path);
}

/*
 * Init is handed the file and writes "0" to it. On v1 moving oneself by `tasks` needs no lock on all threads of the
 * system, whereas the shim's writing of a pid waits for RCU, 7 to 20 ms (kernel/cgroup/cgroup.c,
 * cgroup_procs_write_start). On v2 there is no such file, and groups are mostly entered by birth.
 */
int host_cgroup_join(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_join.host;
	scoped_fd group = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(host, group < 0, "open", path);
	int file = openat(group, "tasks", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		file = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	FAIL_IF(host, file < 0, "open of cgroup.procs", path);
	host->tasks[host->task_count++] = file;
	return 0;
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
	struct bpf_query query = { .target = (uint32_t)group, .type = BPF_AT_CGROUP_DEVICE, .ids = (uintptr_t)ids, .count = 2 };
	if (bpf(BPF_QUERY, &query, sizeof(query)) != 0 || query.count != 1)
		return -1;
	uint32_t attributes[3] = { ids[0] };
	return bpf(BPF_PROGRAM_BY_ID, attributes, sizeof(attributes));
}

int host_cgroup_devices(struct host *host, const struct plan_operation *operation)
{
	const char *path = operation->cgroup_devices.host;
	scoped_fd group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FAIL_IF(host, group < 0, "open", path);
	/* The plan's bytes need not be aligned; the kernel copies them. */
	struct bpf_load load = { .type = BPF_TYPE_CGROUP_DEVICE,
				 .instruction_count = (uint32_t)(operation->cgroup_devices.program.size / BPF_INSTRUCTION_SIZE),
				 .instructions = (uintptr_t)operation->cgroup_devices.program.at,
				 .license = (uintptr_t) "Apache-2.0" };
	scoped_fd loaded = bpf(BPF_LOAD_PROGRAM, &load, sizeof(load));
	FAIL_IF(host, loaded < 0, "bpf load", path);
	scoped_fd before = attached_program(group);
	struct bpf_attach attach = { .target = (uint32_t)group, .program = (uint32_t)loaded, .type = BPF_AT_CGROUP_DEVICE,
				     .flags = BPF_ALLOW_MULTI | (before >= 0 ? BPF_REPLACE : 0),
				     .replaced = before >= 0 ? (uint32_t)before : 0 };
	return bpf(BPF_ATTACH, &attach, sizeof(attach)) == 0 ? 0 : FAIL(host, "bpf attach", path);
}

/* Kills what is in the group itself: cgroup.kill on v2 (5.14, with all groups below), else one by one. */
static void kill_members(int group)
{
	scoped_fd kill_file = openat(group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (kill_file >= 0 && host_write(kill_file, "1") == 0)
		return;
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *members = fd < 0 ? NULL : fdopen(fd, "r");
	if (members == NULL)
		return;
	int pid;
	while (fscanf(members, "%d", &pid) == 1) {
		/* 0 is a process of a pid namespace that is not seen from here. */
		scoped_fd process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		if (process >= 0)
			(void)kernel_signal(process, SIGKILL);
	}
	(void)fclose(members);
}

/* Kills what is in a group and in those below (made by the container itself), and removes them. 0, or -1. */
static int empty_group(int parent, const char *name, int depth)
{
	scoped_fd group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = depth == 0 ? NULL : fdopendir(fcntl(group, F_DUPFD_CLOEXEC, 3));
	if (entries == NULL)
		return -1;
	kill_members(group);
	const struct dirent *entry;
	while ((entry = readdir(entries)) != NULL) {
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)empty_group(group, entry->d_name, depth - 1);
	}
	(void)closedir(entries);
	return unlinkat(parent, name, AT_REMOVEDIR);
}

#define REMOVAL_MILLISECONDS 1500
#define NESTED_GROUPS 64

void launch_groups_remove(struct launch *launch)
{
	uint64_t deadline = now_ms() + REMOVAL_MILLISECONDS;
	for (struct launch_group *group; (group = launch->groups) != NULL; free(group)) {
		launch->groups = group->next;
		/*
		 * A shared one holds other containers' groups: it goes with the last of them. A killed process leaves
		 * its group a little later, and nothing tells of it on v1: hence the attempts.
		 */
		while (rmdir(group->path) != 0 && errno == EBUSY && !group->shared && now_ms() < deadline) {
			if (empty_group(AT_FDCWD, group->path, NESTED_GROUPS) != 0)
				(void)poll(NULL, 0, 2);
		}
	}
}
