/* Parsing of launch plans, and their printing. */
#define _GNU_SOURCE
#define PLAN_OPS_TABLE
#include "plan.h"

#include "kernel.h"
#include "launch.h"
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t read_u32(struct wire_reader *reader)
{
	if (reader->broken || reader->end - reader->at < 4) {
		reader->broken = true;
		return 0;
	}
	const uint8_t *at = reader->at;
	reader->at += 4;
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Walks the items once, so that plan_next_* need no checks later. */
static struct plan_list read_list(struct wire_reader *reader, bool strings)
{
	struct plan_list list = { .count = read_u32(reader) };
	list.at = reader->at;
	for (size_t i = 0; i < list.count && !reader->broken; i++) {
		if (strings)
			(void)wire_read_str(reader);
		else
			(void)wire_read_u64(reader);
	}
	return list;
}

static void read_field(struct wire_reader *reader, enum plan_field_kind kind, union plan_value *value)
{
	switch (kind) {
	case FIELD_U64:
	case FIELD_I64:
		value->number = wire_read_u64(reader);
		break;
	case FIELD_STR:
		value->text = wire_read_str(reader);
		break;
	case FIELD_BYTES:
		value->bytes.at = wire_read_bytes(reader, &value->bytes.size);
		break;
	case FIELD_STRS:
	case FIELD_U64S:
		value->list = read_list(reader, kind == FIELD_STRS);
		break;
	}
}

const char *plan_next_string(struct plan_list *list)
{
	struct wire_reader reader = { .at = list->at, .end = list->at + 4 };
	uint32_t size = read_u32(&reader);
	const char *text = (const char *)reader.at;
	list->at += 4 + (size_t)size + 1;
	list->count--;
	return text;
}

uint64_t plan_next_number(struct plan_list *list)
{
	struct wire_reader reader = { .at = list->at, .end = list->at + 8 };
	list->at += 8;
	list->count--;
	return wire_read_u64(&reader);
}

char **plan_strings(struct plan_list list)
{
	char **strings = calloc(list.count + 1, sizeof(*strings));
	for (size_t i = 0; strings != NULL && list.count > 0; i++)
		strings[i] = (char *)(uintptr_t)plan_next_string(&list);
	return strings;
}

static const struct plan_shape *find_shape(uint32_t code)
{
	for (size_t i = 0; i < sizeof(plan_shapes) / sizeof(*plan_shapes); i++) {
		if (plan_shapes[i].code == code)
			return &plan_shapes[i];
	}
	return NULL;
}

static int garbled(struct failure *failure, const char *why, size_t index)
{
	failure->operation = -1;
	char step[sizeof(failure->step)];
	(void)snprintf(step, sizeof(step), "garbled plan: operation %zu: ", index);
	(void)failure_set(failure, EINVAL, step, "");
	failure_append(failure, why);
	return -1;
}

/* The code of an operation (u16, and u16 zero), the length of its record, the record. NULL, or what is wrong. */
static const char *read_operation(struct wire_reader *reader, struct plan_operation *operation)
{
	operation->shape = find_shape(read_u32(reader));
	size_t size;
	const uint8_t *bytes = wire_read_bytes(reader, &size);
	if (reader->broken)
		return "cut short";
	if (operation->shape == NULL)
		return "unknown code";
	struct wire_reader record = { .at = bytes, .end = bytes + size };
	for (size_t i = 0; i < operation->shape->field_count; i++)
		read_field(&record, operation->shape->fields[i].kind, &operation->values[i]);
	return wire_read_end(&record) ? NULL : "record does not fit its fields";
}

bool plan_has(const struct plan *plan, unsigned code)
{
	return (plan->has[code / 64] >> code % 64 & 1) != 0;
}

static const char *check_place(const struct plan *plan, const struct plan_shape *shape)
{
	bool cloned = plan_has(plan, OP_CLONE);
	if (plan_has(plan, OP_EXEC))
		return "after exec";
	if ((shape->rules & RULE_AFTER_CLONE) != 0 && !cloned)
		return "before clone";
	if ((shape->rules & RULE_BEFORE_CLONE) != 0 && cloned)
		return "after clone";
	if ((shape->rules & RULE_ONCE) != 0 && plan_has(plan, shape->code))
		return "for the second time";
	if ((shape->rules & RULE_NEEDS_ROOT) != 0 && (plan->rules & RULE_GIVES_ROOT) == 0)
		return "before there is a root";
	bool closed = shape->room == ROOM_INIT && (plan->rules & RULE_CLOSES) != 0;
	return closed && (shape->rules & RULE_WHEN_CLOSED) == 0 ? "after seccomp or working_directory" : NULL;
}

static const char *check_values(const struct plan_operation *operation)
{
	if (operation->shape->code == OP_CLONE && (operation->clone.flags & ~KERNEL_CLONE_NAMESPACES) != 0)
		return "flags other than CLONE_NEW*";
	return operation->shape->code == OP_EXEC && operation->exec.argv.count == 0 ? "no argv" : NULL;
}

/* NULL, or what is wrong with the operation where it stands. */
static const char *take_operation(struct plan *plan, size_t index, size_t *joins)
{
	const struct plan_operation *operation = &plan->operations[index];
	const struct plan_shape *shape = operation->shape;
	const char *wrong = check_place(plan, shape);
	if (wrong == NULL)
		wrong = check_values(operation);
	if (shape->code == OP_CLONE)
		plan->clone = index;
	*joins += shape->code == OP_CGROUP_JOIN;
	plan->rules |= shape->rules;
	plan->has[shape->code / 64] |= 1ull << shape->code % 64;
	return wrong == NULL && *joins > PLAN_MAX_JOINS ? "too many cgroups to join" : wrong;
}

static int parse_operations(struct plan *plan, struct wire_reader *reader, struct failure *failure)
{
	size_t joins = 0;
	bool settles = false;
	for (size_t i = 0; i < plan->count; i++) {
		const char *wrong = read_operation(reader, &plan->operations[i]);
		if (wrong == NULL)
			wrong = take_operation(plan, i, &joins);
		if (wrong != NULL)
			return garbled(failure, wrong, i);
		settles |= plan->operations[i].shape->room == ROOM_SHIM && plan_has(plan, OP_CLONE) && i > plan->clone;
	}
	if (!wire_read_end(reader))
		return garbled(failure, "bytes after the last operation", plan->count);
	if (!plan_has(plan, OP_EXEC))
		return garbled(failure, "no exec", plan->count);
	if (settles && !plan_has(plan, OP_AWAIT_SETTLED))
		return garbled(failure, "no await_settled", plan->count);
	return 0;
}

int plan_parse(struct plan *plan, const uint8_t *bytes, size_t size, struct failure *failure)
{
	*plan = (struct plan){ 0 };
	struct wire_reader reader = { .at = bytes, .end = bytes + size };
	failure->operation = -1;
	if (read_u32(&reader) != PLAN_MAGIC)
		return failure_set(failure, EINVAL, "garbled plan: not a launch plan", "");
	uint32_t version = read_u32(&reader);
	if (version != PLAN_VERSION) {
		(void)failure_set(failure, EPROTO, "", "");
		(void)snprintf(failure->step, sizeof(failure->step), "plan version %u expected, %" PRIu32 " found", PLAN_VERSION,
			       version);
		return -1;
	}
	plan->count = read_u32(&reader);
	/* Eight bytes are the least that an operation takes; this bounds what is allocated. */
	if (reader.broken || plan->count > (size_t)(reader.end - reader.at) / 8)
		return failure_set(failure, EINVAL, "garbled plan: more operations than bytes", "");
	plan->operations = calloc(plan->count + 1, sizeof(*plan->operations));
	if (plan->operations == NULL)
		return failure_set(failure, errno, "allocate the plan", "");
	if (parse_operations(plan, &reader, failure) == 0)
		return 0;
	plan_release(plan);
	return -1;
}

void plan_release(struct plan *plan)
{
	free(plan->operations);
	plan->operations = NULL;
	plan->count = 0;
}

static void dump_text(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
		if (*at == '"' || *at == '\\')
			(void)fprintf(out, "\\%c", *at);
		else if (*at < ' ' || *at == 0x7f)
			(void)fprintf(out, "\\u%04x", *at);
		else
			(void)fputc(*at, out);
	}
	(void)fputc('"', out);
}

static void dump_list(FILE *out, struct plan_list list, bool strings)
{
	(void)fputc('[', out);
	for (bool first = true; list.count > 0; first = false) {
		if (!first)
			(void)fputc(',', out);
		if (strings)
			dump_text(out, plan_next_string(&list));
		else
			(void)fprintf(out, "%" PRIu64, plan_next_number(&list));
	}
	(void)fputc(']', out);
}

static void dump_value(FILE *out, enum plan_field_kind kind, const union plan_value *value)
{
	switch (kind) {
	case FIELD_U64:
		(void)fprintf(out, "%" PRIu64, value->number);
		break;
	case FIELD_I64:
		(void)fprintf(out, "%" PRId64, value->integer);
		break;
	case FIELD_STR:
		dump_text(out, value->text);
		break;
	case FIELD_BYTES:
		(void)fprintf(out, "<%zu bytes>", value->bytes.size);
		break;
	case FIELD_STRS:
	case FIELD_U64S:
		dump_list(out, value->list, kind == FIELD_STRS);
		break;
	}
}

int plan_dump(const uint8_t *bytes, size_t size, void *out, struct failure *failure)
{
	struct plan plan;
	if (plan_parse(&plan, bytes, size, failure) != 0)
		return -1;
	for (size_t i = 0; i < plan.count; i++) {
		const struct plan_shape *shape = plan.operations[i].shape;
		(void)fprintf(out, "%zu %s", i, shape->name);
		for (size_t f = 0; f < shape->field_count; f++) {
			(void)fprintf(out, " %s=", shape->fields[f].name);
			dump_value(out, shape->fields[f].kind, &plan.operations[i].values[f]);
		}
		(void)fputc('\n', out);
	}
	plan_release(&plan);
	return 0;
}
