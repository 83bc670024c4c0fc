/* The loop over the plan's operations of the room `init`. */
#include "init.h"

#include "handshake.h"

#define INIT_OPERATION(code, name) [OP_##code] = init_##name,
static init_operation *const operations[PLAN_MAX_CODE + 1] = { PLAN_INIT_OPERATIONS(INIT_OPERATION) };

/* The shim handles signals in its own ways, and may itself have been started with some ignored. */
static void reset_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	const sigset_t none = { 0 };
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int prepare(struct init *init, const struct launch_request *request)
{
	reset_signals();
	/* With others' namespaces ahead it stays undumpable until execve; otherwise procfs files of its own must be its own. */
	if ((init->plan->rules & RULE_JOINS) == 0)
		(void)prctl(PR_SET_DUMPABLE, 1);
	FAIL_IF(init, setsid() < 0, "setsid", "");
	if (init_follow_shim(init) != 0 || (!plan_has(init->plan, OP_TERMINAL) && init_place_stdio(init, request->stdio) != 0))
		return -1;
	/* Modes in the plan are meant as they stand. */
	(void)umask(0);
	if ((init->plan->rules & RULE_NEEDS_PROCFS) != 0 && init_open_procfs(init) != 0)
		return -1;
	if (plan_has(init->plan, OP_BECOME_ROOT) && path_preopen(init) != 0)
		return -1;
	return plan_has(init->plan, OP_MASKED) ? init_prepare_null(init) : 0;
}

static void carry_out(struct init *init)
{
	for (size_t i = init->plan->clone + 1; i < init->plan->count; i++) {
		const struct plan_operation *operation = &init->plan->operations[i];
		if (operation->shape->room != ROOM_INIT || operations[operation->shape->code](init, operation) == 0)
			continue;
		/* init_await_settled says itself which group it was. */
		if (init->failure->operation < 0)
			init->failure->operation = (int64_t)i;
		return;
	}
	/* Where there is no exec: it was to be held at its last stop until it is killed. */
	(void)failure_set(init->failure, 0, "", "end of the plan");
}

/*
 * Why this process exists: a new mount namespace, a user namespace, credentials can only be had by a process of
 * its own, and pid 1 of the container must be it. Nothing may run here that is registered with atexit.
 */
_Noreturn void init_run(const struct host *host, int handshake)
{
	struct failure failure = { .operation = -1 };
	char *no_environment[] = { NULL };
	struct init init = {
		.host = host, .plan = host->plan, .failure = &failure, .handshake = handshake,
		.procfs = -1, .root = -1, .anchors = { -1, -1, -1 }, .devpts = -1, .null_device = -1, .empty_directory = -1,
		.environment = no_environment,
	};
	if (prepare(&init, host->request) == 0)
		carry_out(&init);
	/* Nobody to tell if the shim is gone. */
	if (init.released)
		init_tell_result(&init);
	else
		(void)handshake_send(handshake, HANDSHAKE_FAILED, &failure, NULL, 0);
	_exit(127);
}
