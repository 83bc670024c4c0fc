/* Who the process is and what it may: capabilities, user, seccomp. */
#include "init.h"

#define CAPABILITY_VERSION_3 0x20080522

int init_bounding_set(struct init *init, const struct plan_operation *operation)
{
	uint64_t kept = operation->bounding_set.capabilities;
	for (unsigned capability = 0; capability < 64; capability++) {
		if ((kept >> capability & 1) != 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		/* Past the kernel's last. */
		if (errno == EINVAL)
			break;
		return FAIL(init, "prctl PR_CAPBSET_DROP", "");
	}
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : FAIL(init, "prctl PR_SET_KEEPCAPS", "");
}

/* So that the user can open /dev/stdout again, also where it is a terminal, whose group is tty's. */
static void give_stdio(const struct init *init, uid_t uid, gid_t gid)
{
	static const int stdio[3] = { 0, 1, 2 };
	if (init->has_terminal)
		(void)fchown(0, uid, (gid_t)-1);
	else
		launch_give_stdio(stdio, uid, gid);
}

static int set_groups(struct init *init, struct plan_list list)
{
	size_t count = list.count;
	gid_t *groups = calloc(count + 1, sizeof(*groups));
	FAIL_IF(init, groups == NULL, "allocate", "");
	for (size_t i = 0; i < count; i++) {
		uint64_t group = plan_next_number(&list);
		groups[i] = group < UINT32_MAX ? (gid_t)group : (gid_t)-1; /* which the kernel refuses */
	}
	/* Where setgroups is denied to the user namespace and there is nothing to take away. */
	if (syscall(SYS_setgroups, count, groups) == 0 ||
	    (errno == EPERM && count == 0 && syscall(SYS_getgroups, 0, NULL) == 0))
		return 0;
	return FAIL(init, "setgroups", "");
}

/* By system calls and not libc's functions: those of glibc want to tell threads that are not there. */
static int set_user(struct init *init, uint64_t uid, uint64_t gid, struct plan_list groups)
{
	if (set_groups(init, groups) != 0)
		return -1;
	if (syscall(SYS_setresgid, (gid_t)gid, (gid_t)gid, (gid_t)gid) != 0)
		return FAIL(init, errno == EINVAL ? "setresgid: group not mapped in the user namespace" : "setresgid", "");
	if (syscall(SYS_setresuid, (uid_t)uid, (uid_t)uid, (uid_t)uid) != 0)
		return FAIL(init, errno == EINVAL ? "setresuid: user not mapped in the user namespace" : "setresuid", "");
	return init_follow_shim(init);
}

int init_user(struct init *init, const struct plan_operation *operation)
{
	uint64_t uid = operation->user.uid, gid = operation->user.gid;
	errno = EINVAL;
	/* The last number means "unchanged" to the kernel. */
	FAIL_IF(init, uid >= UINT32_MAX || gid >= UINT32_MAX, "user or group id out of range", "");
	give_stdio(init, (uid_t)uid, (gid_t)gid);
	return set_user(init, uid, gid, operation->user.groups);
}

int init_become_root(struct init *init, unused const struct plan_operation *operation)
{
	const struct plan_list none = { 0 };
	int result = set_user(init, 0, 0, none);
	/* The change of user made it undumpable, and its files in procfs foreign. */
	if ((init->plan->rules & RULE_JOINS) == 0)
		(void)prctl(PR_SET_DUMPABLE, 1);
	return result;
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
	FAIL_IF(init, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0, "prctl PR_CAP_AMBIENT_CLEAR_ALL", "");
	FAIL_IF(init, syscall(SYS_capset, header, halves) != 0, "capset", "");
	for (unsigned capability = 0; capability < 64; capability++) {
		if ((operation->capabilities.ambient >> capability & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
			return FAIL(init, "prctl PR_CAP_AMBIENT_RAISE", "");
	}
	return init_follow_shim(init);
}

/* struct sock_fprog, struct sock_filter (8 bytes each); include/uapi/linux/filter.h. */
struct filter_program {
	unsigned short count;
	const void *filter;
};

#define FILTER_INSTRUCTION_SIZE 8
#define SECCOMP_FILTER_MODE 1

/* What seccomp(2) returns: 0 or a listener. -1 with the failure. */
static int load_filter(struct init *init, struct plan_bytes filter, uint64_t flags)
{
	size_t count = filter.size / FILTER_INSTRUCTION_SIZE;
	errno = EINVAL;
	FAIL_IF(init, filter.size % FILTER_INSTRUCTION_SIZE != 0 || count > UINT16_MAX, "seccomp filter", "");
	/* The filter may refuse close_range. */
	if (init_close_descriptors(init) != 0)
		return -1;
	const struct filter_program program = { (unsigned short)count, filter.at };
	int result = (int)syscall(SYS_seccomp, SECCOMP_FILTER_MODE, flags, &program);
	return result >= 0 ? result : FAIL(init, "seccomp", "");
}

int init_seccomp(struct init *init, const struct plan_operation *operation)
{
	return load_filter(init, operation->seccomp.filter, operation->seccomp.flags) < 0 ? -1 : 0;
}

/* The parts, with init's pid on the host between each two; NULL with errno. */
static char *join_state(const struct init *init, struct plan_list parts)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (bool first = true; out != NULL && parts.count > 0; first = false)
		(void)fprintf(out, "%s%s", first ? "" : init->host_pid, plan_next_string(&parts));
	return out != NULL && fclose(out) == 0 ? text : NULL;
}

int init_seccomp_notify(struct init *init, const struct plan_operation *operation)
{
	/* All but the sending comes before the filter, which may refuse it or have it wait for its listener. */
	char *state = join_state(init, operation->seccomp_notify.state);
	FAIL_IF(init, state == NULL, "allocate", "");
	int listener = load_filter(init, operation->seccomp_notify.filter, operation->seccomp_notify.flags);
	if (listener < 0)
		return -1;
	struct iovec part = { state, strlen(state) };
	int agent = init->host->fds[HOST_CONNECTIONS + CONNECT_SECCOMP_LISTENER];
	ssize_t sent = wire_send(agent, &part, 1, &listener, 1, 0);
	return sent == (ssize_t)part.iov_len ? 0 : FAIL(init, "sendmsg of the seccomp listener", "");
}
