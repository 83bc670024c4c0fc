/* Who the process is and what it may: capabilities, user, seccomp. */
#define _GNU_SOURCE
#include "init.h"

#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define CAPABILITY_VERSION_3 0x20080522

int init_bounding_set(struct init *init, const struct plan_operation *operation)
{
	uint64_t kept = operation->bounding_set.capabilities;
	for (unsigned capability = 0; capability < 64; capability++) {
		if ((kept >> capability & 1) != 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		/* Past the kernel's last. */
		if (errno == EINVAL)
			break;
		return init_fail(init, "prctl PR_CAPBSET_DROP", "");
	}
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : init_fail(init, "prctl PR_SET_KEEPCAPS", "");
}

/*
 * So that the user can open /dev/stdout again: pipes, sockets and the terminal become theirs. Where that is not
 * allowed (a user namespace that does not know the owner) nothing more than that is lost.
 */
static void give_stdio(const struct init *init, uid_t uid, gid_t gid)
{
	struct stat status;
	for (int fd = 0; fd < (init->has_terminal ? 1 : 3); fd++) {
		if (fstat(fd, &status) != 0 || status.st_uid == uid)
			continue;
		/* The group of a terminal is tty's. */
		if (init->has_terminal)
			(void)fchown(fd, uid, (gid_t)-1);
		else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
			(void)fchown(fd, uid, gid);
	}
}

static int set_groups(struct init *init, struct plan_list list)
{
	size_t count = list.count;
	gid_t *groups = calloc(count + 1, sizeof(*groups));
	FAIL_IF(groups == NULL, "allocate", "");
	bool valid = true;
	for (size_t i = 0; i < count; i++) {
		uint64_t group = plan_next_number(&list);
		valid &= group < UINT32_MAX;
		groups[i] = (gid_t)group;
	}
	errno = EINVAL;
	int result = valid ? (int)syscall(SYS_setgroups, count, groups) : -1;
	free(groups);
	/* Where setgroups is denied to the user namespace and there is nothing to take away. */
	if (result != 0 && errno == EPERM && count == 0 && syscall(SYS_getgroups, 0, NULL) == 0)
		result = 0;
	return result == 0 ? 0 : init_fail(init, "setgroups", "");
}

int init_user(struct init *init, const struct plan_operation *operation)
{
	uint64_t uid = operation->user.uid, gid = operation->user.gid;
	errno = EINVAL;
	/* The last number means "unchanged" to the kernel. */
	FAIL_IF(uid >= UINT32_MAX || gid >= UINT32_MAX, "user or group id out of range", "");
	give_stdio(init, (uid_t)uid, (gid_t)gid);
	if (set_groups(init, operation->user.groups) != 0)
		return -1;
	if (syscall(SYS_setresgid, (gid_t)gid, (gid_t)gid, (gid_t)gid) != 0)
		return init_fail(init, errno == EINVAL ? "setresgid: group not mapped in the user namespace" : "setresgid", "");
	if (syscall(SYS_setresuid, (uid_t)uid, (uid_t)uid, (uid_t)uid) != 0)
		return init_fail(init, errno == EINVAL ? "setresuid: user not mapped in the user namespace" : "setresuid", "");
	return init_follow_shim(init);
}

int init_capabilities(struct init *init, const struct plan_operation *operation)
{
	const uint64_t sets[3] = { operation->capabilities.effective, operation->capabilities.permitted,
				   operation->capabilities.inheritable };
	/* struct __user_cap_header_struct and two of __user_cap_data_struct; capset(2). */
	uint32_t header[2] = { CAPABILITY_VERSION_3, 0 };
	uint32_t halves[6];
	for (int i = 0; i < 3; i++) {
		halves[i] = (uint32_t)sets[i];
		halves[3 + i] = (uint32_t)(sets[i] >> 32);
	}
	FAIL_IF(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0, "prctl PR_CAP_AMBIENT_CLEAR_ALL", "");
	FAIL_IF(syscall(SYS_capset, header, halves) != 0, "capset", "");
	for (unsigned capability = 0; capability < 64; capability++) {
		if ((operation->capabilities.ambient >> capability & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
			return init_fail(init, "prctl PR_CAP_AMBIENT_RAISE", "");
	}
	return init_follow_shim(init);
}

int init_no_new_privs(struct init *init, const struct plan_operation *operation)
{
	(void)operation;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : init_fail(init, "prctl PR_SET_NO_NEW_PRIVS", "");
}

/* struct sock_fprog, struct sock_filter (8 bytes each); include/uapi/linux/filter.h. */
struct filter_program {
	unsigned short count;
	const void *filter;
};

#define FILTER_INSTRUCTION_SIZE 8
#define FILTER_MOST_INSTRUCTIONS 4096
#define SECCOMP_FILTER_MODE 1
/* SECCOMP_FILTER_FLAG_NEW_LISTENER: its descriptor would have nobody to go to. */
#define SECCOMP_NEW_LISTENER 8

int init_seccomp(struct init *init, const struct plan_operation *operation)
{
	struct plan_bytes filter = operation->seccomp.filter;
	size_t count = filter.size / FILTER_INSTRUCTION_SIZE;
	errno = EINVAL;
	if (filter.size % FILTER_INSTRUCTION_SIZE != 0 || count == 0 || count > FILTER_MOST_INSTRUCTIONS ||
	    (operation->seccomp.flags & SECCOMP_NEW_LISTENER) != 0)
		return init_fail(init, "seccomp filter", "");
	/* The filter may refuse close_range. */
	if (init_close_descriptors(init) != 0)
		return -1;
	const struct filter_program program = { (unsigned short)count, filter.at };
	FAIL_IF(syscall(SYS_seccomp, SECCOMP_FILTER_MODE, operation->seccomp.flags, &program) != 0, "seccomp", "");
	return 0;
}
