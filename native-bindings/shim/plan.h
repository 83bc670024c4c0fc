/* The launch plan as the interpreter walks it: views into the encoded bytes, checked as a whole beforehand. */
#pragma once

#include "failure.h"
#include "kernel.h"
#include "plan_ops.h"
#include "wire.h"

/* Most `cgroup_join` operations of a plan: their descriptors travel in one message. */
#define PLAN_MAX_JOINS WIRE_MAX_DESCRIPTORS

/* Most namespaces that the child can be born in: one a type, and the container's init's. */
#define PLAN_MAX_BIRTHS 8
/* Most `bind_tree`, `overlay_tree` and `joined_tree` operations of a plan. */
#define PLAN_MAX_TREES 256

struct plan {
	struct plan_operation *operations;
	size_t count;
	size_t clone;                       /* index of the `clone` operation */
	uint64_t births;                    /* types of the namespaces that the child is born in, CLONE_NEW* */
	uint64_t entered;                   /* those among them that it has from `join_init` */
	size_t joins;                       /* how many `cgroup_join` there are */
	size_t trees;                       /* how many of those */
	bool settles;                       /* the shim has something to do after the clone */
	unsigned rules;                     /* RULE_* of all operations */
	uint64_t has[PLAN_MAX_CODE / 64 + 1]; /* bit N: an operation of code N */
};

bool plan_has(const struct plan *plan, unsigned code);

/*
 * Parses and checks the whole plan before any of it is done: magic, version, codes, records consumed to the byte,
 * order of the rooms. 0, or -1 with `failure` (operation -1, step "garbled plan: …").
 */
int plan_parse(struct plan *plan, const uint8_t *bytes, size_t size, struct failure *failure);
static inline void plan_release(struct plan *plan)
{
	free(plan->operations);
}

/* Takes the first item off a list of `strs`, `u64s`; the list must not be empty. */
const char *plan_next_string(struct plan_list *list);
uint64_t plan_next_number(struct plan_list *list);

/* Whether "key=…" is among the items of a list of `strs`. */
bool plan_has_option(struct plan_list list, const char *key);

/* A NULL-terminated array of the strings (allocated; the strings are views), or NULL with errno. */
char **plan_strings(struct plan_list list);
