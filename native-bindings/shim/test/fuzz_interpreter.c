/*
 * libFuzzer entry: plans are carried out, in the sandbox, by a process for each. What counts is how that ends: a
 * report of a sanitizer, or a signal that no plan can ask for, ends the run.
 *
 * Bytes changed at random are hardly ever a plan, so the mutator works on operations: they are taken out, moved,
 * doubled, and made anew from values that mean something.
 */
#define PLAN_OPS_TABLE
#include "init.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MOST_OPERATIONS 64
#define MOST_STOPS 8
/* A plan that waits for what never comes is killed. */
#define PATIENCE_MS 200
#define PLAN_HEADER 12
#define OPERATION_HEADER 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
int __real_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* The shim is root and so can write the maps of a child that is not dumpable; nobody can not. */
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return option == PR_SET_DUMPABLE ? 0 : __real_prctl(option, a, b, c, d);
}

/* -- carrying out ----------------------------------------------------------------------------------------- */

/* Others would end or stop init in ways that look like an error of its own. */
static bool is_harmless(uint64_t number)
{
	static const int harmless[] = { SYS_getpid, SYS_umask, SYS_sethostname, SYS_personality, SYS_sched_yield };
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		if (number == (uint64_t)harmless[i])
			return true;
	}
	return false;
}

/* A filter of random instructions may well end init, or have it wait for ever. */
static bool may_run(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_operation *operation = &plan->operations[i];
		if (operation->shape->code == OP_SYSTEM_CALL && !is_harmless(operation->system_call.number))
			return false;
	}
	return true;
}

/* What a sanitizer, or the kernel, has to say of an error in memory comes out as one of these. */
static void look_for_crash(const struct plan *plan, const struct failure *failure)
{
	static const char *const crashes[] = { "init ended before execve", "init was killed by signal 4",
					       "init was killed by signal 6", "init was killed by signal 7",
					       "init was killed by signal 8", "init was killed by signal 11",
					       "the program was killed before execve",
					       "end of the intermediate process" };
	if (plan_has(plan, OP_SECCOMP) || plan_has(plan, OP_SECCOMP_NOTIFY))
		return;
	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++) {
		if (strcmp(failure->step, crashes[i]) == 0) {
			(void)fprintf(stderr, "crash: %s\n", failure->step);
			abort();
		}
	}
}

static void give_up(struct launch *launch)
{
	siginfo_t ended;
	(void)kernel_signal(launch->pidfd, SIGKILL);
	(void)waitid((idtype_t)KERNEL_P_PIDFD, (id_t)launch->pidfd, &ended, WEXITED);
	close_and_forget(&launch->pidfd);
	launch_free(launch);
	launch_groups_remove(launch);
}

static void follow(struct launch *launch, const struct plan *plan)
{
	struct failure failure = { .operation = -1 };
	for (int stops = 0; stops < MOST_STOPS;) {
		struct pollfd hand = { .fd = launch->handshake, .events = POLLIN };
		if (poll(&hand, 1, PATIENCE_MS) == 0)
			break;
		enum launch_state state = launch_step(launch, &failure);
		if (state == LAUNCH_FAILED) {
			look_for_crash(plan, &failure);
			return;
		}
		if (state == LAUNCH_STARTED)
			break;
		stops += state == LAUNCH_CREATED && launch_go(launch) == 0;
	}
	give_up(launch);
}

/* Whom init's end, or the intermediate's, has left to us as the first process. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct failure failure = { .operation = -1 };
	struct launch launch;
	struct plan plan;
	if (plan_parse(&plan, bytes, size, &failure) != 0)
		return -1;
	const struct launch_request request = { .plan = bytes, .plan_size = size, .stdio = { 0, 1, 2 }, .init_pidfd = -1, .home = -1 };
	bool runs = may_run(&plan);
	if (runs && launch_begin(&launch, &request, &failure) == 0)
		follow(&launch, &plan);
	else if (runs)
		look_for_crash(&plan, &failure);
	plan_release(&plan);
	reap();
	return runs ? 0 : -1;
}

/* -- mutating --------------------------------------------------------------------------------------------- */

struct piece {
	const uint8_t *at;
	size_t size;
};

static const char *const texts[] = {
	"/", "/h", "/h/a", "/h/file", "/missing", "/proc/self/ns/user", "/proc/self/ns/net", "/proc/self/ns/pid", "/proc",
	"", ".", "t", "/t", "/t/a/b", "/dev", "/dev/x", "/dev/pts", "/dev/console", "/proc/x", "/../t", "t/../../t/link",
	"/sys", "/proc/self/fd/3", "tmpfs", "proc", "devpts", "overlay", "mode=755", "size=4096", "ro", "newinstance",
	"0 65534 1\n", "kernel/domainname", "exec", "../x", "x=y", "PATH=/t:/h:", "0",
};
static const uint64_t numbers[] = {
	0, 0, 0, 1, 1, 2, 3, 4, 7, 'c', 'b', 'p', 0755, 07777, 65534, 0x4000, 0x44000, 0x80, CLONE_NEWUSER,
	CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
	CLONE_NEWNET, CLONE_NEWPID, INT32_MAX, UINT32_MAX, UINT64_MAX, SYS_umask, SYS_sethostname, 256, 100000,
};

#define PICK(list, random) ((list)[(size_t)(random) % (sizeof(list) / sizeof(*(list)))])

static void put(FILE *out, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++, value >>= 8)
		(void)fputc((int)(value & 0xff), out);
}

static void put_text(FILE *out, const char *text)
{
	put(out, 4, strlen(text));
	(void)fwrite(text, 1, strlen(text) + 1, out);
}

static void put_bytes(FILE *out)
{
	/* Whole instructions of either kind of filter, mostly. */
	size_t size = (size_t)(random() % 8) * 8 + (random() % 8 == 0);
	put(out, 4, size);
	while (size-- > 0)
		(void)fputc((int)(random() % 4 == 0 ? random() & 0xff : 0), out);
}

static void put_field(FILE *out, enum plan_field_kind kind)
{
	long count = random() % 4;
	switch (kind) {
	case FIELD_STR:
		put_text(out, PICK(texts, random()));
		return;
	case FIELD_BYTES:
		put_bytes(out);
		return;
	case FIELD_STRS:
	case FIELD_U64S:
		for (put(out, 4, (uint64_t)count); count > 0; count--) {
			if (kind == FIELD_STRS)
				put_text(out, PICK(texts, random()));
			else
				put(out, 8, PICK(numbers, random()));
		}
		return;
	case FIELD_U64:
	case FIELD_I64:
		put(out, 8, PICK(numbers, random()));
	}
}

static void put_operation(FILE *out, const struct plan_shape *shape)
{
	char *record = NULL;
	size_t size = 0;
	FILE *fields = open_memstream(&record, &size);
	for (size_t i = 0; i < shape->field_count; i++)
		put_field(fields, shape->fields[i].kind);
	(void)fclose(fields);
	put(out, 4, shape->code);
	put(out, 4, size);
	(void)fwrite(record, 1, size, out);
	free(record);
}

/* The operations of a plan as they lie in it; 0 where it is none. */
static size_t split(const uint8_t *bytes, size_t size, struct piece pieces[MOST_OPERATIONS])
{
	struct failure failure;
	struct plan plan;
	if (plan_parse(&plan, bytes, size, &failure) != 0)
		return 0;
	size_t count = plan.count < MOST_OPERATIONS ? plan.count : 0;
	plan_release(&plan);
	struct wire_reader reader = { .at = bytes + PLAN_HEADER, .end = bytes + size };
	for (size_t i = 0; i < count; i++) {
		size_t length;
		pieces[i].at = reader.at;
		(void)wire_read_u32(&reader);
		(void)wire_read_bytes(&reader, &length);
		pieces[i].size = OPERATION_HEADER + length;
	}
	return count;
}

enum change { TAKE_OUT, MOVE, DOUBLE, INSERT, RENEW, CHANGES };

/* What stands at `index` of the new plan: nothing, the old operation, another, or a new one, in this order. */
static size_t put_changed(FILE *out, const struct piece *pieces, size_t index, enum change change, const struct piece *other)
{
	const struct plan_shape *shape = &PICK(plan_shapes, random());
	size_t written = 0;
	if (change == INSERT || change == RENEW) {
		if (change == RENEW) {
			struct wire_reader reader = { .at = pieces[index].at, .end = pieces[index].at + 4 };
			const uint32_t code = wire_read_u32(&reader);
			for (shape = plan_shapes; shape->code != code; shape++)
				;
		}
		put_operation(out, shape);
		written++;
	}
	if (change == MOVE || change == DOUBLE)
		written += fwrite(other->at, other->size, 1, out);
	if (change == DOUBLE || change == INSERT)
		written += fwrite(pieces[index].at, pieces[index].size, 1, out);
	return written;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
	struct piece pieces[MOST_OPERATIONS];
	char *changed = NULL;
	size_t length = 0, written = 0;
	srandom(seed);
	size_t count = split(bytes, size, pieces);
	if (count == 0 || random() % 16 == 0)
		return LLVMFuzzerMutate(bytes, size, room);
	const size_t target = (size_t)random() % count;
	const enum change change = (enum change)(random() % CHANGES);
	FILE *out = open_memstream(&changed, &length);
	put(out, 4, PLAN_MAGIC);
	put(out, 4, PLAN_VERSION);
	put(out, 4, 0);
	for (size_t i = 0; i < count; i++) {
		if (i == target)
			written += put_changed(out, pieces, i, change, &pieces[(size_t)random() % count]);
		else
			written += fwrite(pieces[i].at, pieces[i].size, 1, out);
	}
	(void)fclose(out);
	if (length <= room) {
		for (size_t i = 0; i < 4; i++)
			changed[8 + i] = (char)(written >> (8 * i));
		memcpy(bytes, changed, length);
		size = length;
	}
	free(changed);
	return size;
}
