/* Parsing of launch plans, and their printing. */
#define PLAN_OPS_TABLE
#include "plan.h"

#include "launch.h"

/* Walks the items once, so that plan_next_* need no checks later. */
static struct plan_list read_list(struct wire_reader *reader, bool strings)
{
	struct plan_list list = { .count = wire_read_u32(reader) };
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
	if (kind == FIELD_STR)
		value->text = wire_read_str(reader);
	else if (kind == FIELD_BYTES)
		value->bytes.at = wire_read_bytes(reader, &value->bytes.size);
	else if (kind == FIELD_STRS || kind == FIELD_U64S)
		value->list = read_list(reader, kind == FIELD_STRS);
	else
		value->number = wire_read_u64(reader);
}

const char *plan_next_string(struct plan_list *list)
{
	const char *text = (const char *)list->at + 4;
	list->at += 4 + strlen(text) + 1;
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

bool plan_has_option(struct plan_list list, const char *key)
{
	const size_t size = strlen(key);
	while (list.count > 0) {
		const char *option = plan_next_string(&list);
		if (strncmp(option, key, size) == 0 && option[size] == '=')
			return true;
	}
	return false;
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
	return code <= PLAN_MAX_CODE && plan_shapes[code].name != NULL ? &plan_shapes[code] : NULL;
}

static int garbled(struct failure *failure, const char *why, size_t index)
{
	return failure_set(failure, EINVAL, "", "garbled plan: operation %zu: %s", index, why);
}

/* The code of an operation (u16, and u16 zero), the length of its record, the record. NULL, or what is wrong. */
static const char *read_operation(struct wire_reader *reader, struct plan_operation *operation)
{
	operation->shape = find_shape(wire_read_u32(reader));
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

/* A namespace that the child is to be born in. */
static const char *take_birth(struct plan *plan, uint64_t type)
{
	if ((type & ~KERNEL_CLONE_NAMESPACES) != 0 || type == 0 || (type & (type - 1)) != 0 || type == CLONE_NEWNS)
		return "no type of namespace to be born in";
	bool again = (plan->births & type) != 0;
	plan->births |= type;
	return again ? "a second namespace of this type" : NULL;
}

static const char *take_values(struct plan *plan, const struct plan_operation *operation)
{
	bool wrong;
	switch (operation->shape->code) {
	case OP_BIRTH_NAMESPACE:
		return take_birth(plan, operation->birth_namespace.type);
	case OP_PID_NAMESPACE_OF_INIT:
		return take_birth(plan, CLONE_NEWPID);
	case OP_JOIN_INIT:
		if (plan_has(plan, OP_PID_NAMESPACE_OF_INIT))
			plan->entered = operation->join_init.flags & ~(uint64_t)(CLONE_NEWUSER | KERNEL_CLONE_NEWCGROUP);
		return NULL;
	case OP_CLONE:
		if ((operation->clone.flags & plan->births) != 0)
			return "a namespace that is joined";
		return (operation->clone.flags & ~KERNEL_CLONE_NAMESPACES) != 0 ? "flags other than CLONE_NEW*" : NULL;
	case OP_CONNECT:
		return operation->connect.purpose >= CONNECT_PURPOSES ? "unknown purpose" : NULL;
	case OP_BIND:
		return operation->bind.tree >= (int64_t)plan->trees ? "no such tree" : NULL;
	case OP_ROOT_TREE:
		wrong = operation->root_tree.tree < 0 || operation->root_tree.tree >= (int64_t)plan->trees;
		return wrong ? "no such tree" : NULL;
	case OP_SYSTEM_CALL:
		wrong = operation->system_call.buffer_argument >= (int64_t)operation->system_call.arguments.count;
		return wrong || operation->system_call.arguments.count > 6 ? "too many arguments" : NULL;
	case OP_EXEC:
		return operation->exec.argv.count == 0 ? "no argv" : NULL;
	default:
		return NULL;
	}
}

/* Reads the next operation. NULL, or what is wrong with it where it stands. */
static const char *take_operation(struct plan *plan, size_t index, struct wire_reader *reader)
{
	struct plan_operation *operation = &plan->operations[index];
	const char *wrong = read_operation(reader, operation);
	const struct plan_shape *shape = operation->shape;
	if (wrong == NULL)
		wrong = check_place(plan, shape);
	if (wrong == NULL)
		wrong = take_values(plan, operation);
	if (wrong != NULL)
		return wrong;
	if (shape->code == OP_CLONE)
		plan->clone = index;
	plan->joins += shape->code == OP_CGROUP_JOIN;
	plan->trees += shape->code == OP_BIND_TREE || shape->code == OP_OVERLAY_TREE || shape->code == OP_JOINED_TREE;
	plan->settles |= shape->room == ROOM_SHIM && shape->code != OP_CLONE && plan_has(plan, OP_CLONE);
	plan->rules |= shape->rules;
	plan->has[shape->code / 64] |= 1ull << shape->code % 64;
	return plan->joins > PLAN_MAX_JOINS || plan->trees > PLAN_MAX_TREES ? "too many of these" : NULL;
}

static int parse_operations(struct plan *plan, struct wire_reader *reader, struct failure *failure)
{
	for (size_t i = 0; i < plan->count; i++) {
		const char *wrong = take_operation(plan, i, reader);
		if (wrong != NULL)
			return garbled(failure, wrong, i);
	}
	if (!wire_read_end(reader))
		return garbled(failure, "bytes after the last operation", plan->count);
	/* One that is let go of at `await_go` only by being killed holds its namespaces for others. */
	bool holds = plan->count > 0 && plan->operations[plan->count - 1].shape->code == OP_AWAIT_GO;
	if (!plan_has(plan, OP_EXEC) && !holds)
		return garbled(failure, "no exec", plan->count);
	if (plan_has(plan, OP_AWAIT_START) && !plan_has(plan, OP_START_PIPE))
		return garbled(failure, "no start_pipe", plan->count);
	if (plan->settles && !plan_has(plan, OP_AWAIT_SETTLED))
		return garbled(failure, "no await_settled", plan->count);
	return 0;
}

int plan_parse(struct plan *plan, const uint8_t *bytes, size_t size, struct failure *failure)
{
	*plan = (struct plan){ 0 };
	struct wire_reader reader = { .at = bytes, .end = bytes + size };
	failure->operation = -1;
	if (wire_read_u32(&reader) != PLAN_MAGIC)
		return failure_set(failure, EINVAL, "", "garbled plan: not a launch plan");
	uint32_t version = wire_read_u32(&reader);
	if (version != PLAN_VERSION)
		return failure_set(failure, EPROTO, "", "plan version %u expected, %u found", PLAN_VERSION, version);
	plan->count = wire_read_u32(&reader);
	/* Eight bytes are the least that an operation takes; this bounds what is allocated. */
	if (reader.broken || plan->count > (size_t)(reader.end - reader.at) / 8)
		return failure_set(failure, EINVAL, "", "garbled plan: more operations than bytes");
	plan->operations = calloc(plan->count + 1, sizeof(*plan->operations));
	if (plan->operations == NULL)
		return failure_set(failure, errno, "", "allocate the plan");
	if (parse_operations(plan, &reader, failure) == 0)
		return 0;
	plan_release(plan);
	return -1;
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
	for (const char *before = ""; list.count > 0; before = ",") {
		(void)fputs(before, out);
		if (strings)
			dump_text(out, plan_next_string(&list));
		else
			(void)fprintf(out, "%" PRIu64, plan_next_number(&list));
	}
	(void)fputc(']', out);
}

static void dump_value(FILE *out, enum plan_field_kind kind, const union plan_value *value)
{
	if (kind == FIELD_U64)
		(void)fprintf(out, "%" PRIu64, value->number);
	else if (kind == FIELD_I64)
		(void)fprintf(out, "%" PRId64, value->integer);
	else if (kind == FIELD_STR)
		dump_text(out, value->text);
	else if (kind == FIELD_BYTES)
		(void)fprintf(out, "<%zu bytes>", value->bytes.size);
	else
		dump_list(out, value->list, kind == FIELD_STRS);
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
