/** Writes build/shim/plan_ops.h, the C side of daemon/runtime/plan/operations.ts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  CONNECT_PURPOSES,
  DEVICE_KINDS,
  MOUNT_COPY_UP,
  OPERATIONS,
  PLAN_MAGIC,
  PLAN_VERSION,
  type OperationName,
} from '../daemon/runtime/plan/operations.ts';
import { WIRE_OPERATIONS } from '../daemon/runtime/plan/calls.ts';
import type { FieldKind } from '../shared/wire/fields.ts';

const C_TYPES: Record<FieldKind, string> = {
  u64: 'uint64_t ',
  i64: 'int64_t ',
  str: 'const char *',
  bytes: 'struct plan_bytes ',
  strs: 'struct plan_list ',
  u64s: 'struct plan_list ',
};

/**
 * Where an operation may stand, as bits of `rules`; plan.c checks them before anything of a plan is done.
 * All of the room `init` must come after `clone`.
 */
const RULES = {
  BEFORE_CLONE: [
    'cgroup_into',
    'birth_namespace',
    'pid_namespace_of_init',
    'connect',
    'start_pipe',
    'container_init',
    'bind_tree',
    'overlay_tree',
    'joined_tree',
  ],
  AFTER_CLONE: ['cgroup_join', 'uid_map', 'gid_map', 'oom_score_adj'],
  ONCE: [
    'clone',
    'await_settled',
    'join_init',
    'terminal',
    'environment',
    'working_directory',
    'start_pipe',
    'container_init',
    'preserve_descriptors',
    'await_start',
    'reaper',
  ],
  GIVES_ROOT: [
    'root_overlay',
    'root_overlay_tmpfs',
    'root_bind',
    'root_tree',
    'root_directory',
    'namespace_join',
    'join_init',
  ],
  NEEDS_ROOT: [
    'mount',
    'bind',
    'mount_attributes',
    'directory',
    'symlink',
    'device',
    'device_bind',
    'masked',
    'readonly',
    'terminal',
    'file',
    'pivot_root',
    'move_root',
    'change_root',
  ],
  /** Enters namespaces in which others live. */
  JOINS: ['namespace_join', 'join_init', 'birth_namespace'],
  NEEDS_PROCFS: ['time_namespace', 'sysctl', 'label', 'seccomp_notify'],
  /** Closes all descriptors but stdio, those preserved, the handshake and what is still to be spoken on. */
  CLOSES: ['seccomp', 'seccomp_notify', 'working_directory', 'await_start', 'reaper', 'exec'],
  /** Needs none of those. */
  WHEN_CLOSED: [
    'await_go',
    'await_start',
    'bounding_set',
    'user',
    'capabilities',
    'system_call',
    'seccomp',
    'seccomp_notify',
    'working_directory',
    'environment',
    'find_executable',
    'reaper',
    'exec',
  ],
} as const satisfies Record<string, readonly OperationName[]>;

const RULE_NAMES = Object.keys(RULES) as (keyof typeof RULES)[];

function rulesOf(name: OperationName): string {
  const rules = RULE_NAMES.filter((rule) => (RULES[rule] as readonly string[]).includes(name));
  if (OPERATIONS[name].room === 'init') rules.push('AFTER_CLONE');
  return rules.length === 0 ? '0' : rules.map((rule) => `RULE_${rule}`).join(' | ');
}

/** Fields that are paths on the host, which may have to be opened before init gives up the right to. */
function isHostPath(name: OperationName, field: string): boolean {
  const { room } = OPERATIONS[name];
  if (room === 'shim' || name === 'mount' || name === 'namespace_join') return false;
  return ['source', 'lower', 'upper', 'work', 'at'].includes(field);
}

const KEYWORDS = new Set(['volatile', 'default', 'register', 'signed', 'static', 'union']);

/** A field's name in C: the same, but for a keyword. */
function member(field: string): string {
  return KEYWORDS.has(field) ? `${field}_` : field;
}

function operationStruct(name: OperationName): string {
  const fields = Object.entries(OPERATIONS[name].fields) as [string, FieldKind][];
  if (fields.length === 0) return '';
  const members = fields.map(([field, kind]) => `\t\t\t_Alignas(16) ${C_TYPES[kind]}${member(field)};\n`);
  return `\t\tstruct {\n${members.join('')}\t\t} ${name};\n`;
}

function shape(name: OperationName): string {
  const { code, room, fields } = OPERATIONS[name];
  const entries = Object.entries(fields) as [string, FieldKind][];
  const list = entries.map(
    ([field, kind]) => `{ "${field}", FIELD_${kind.toUpperCase()}, ${String(isHostPath(name, field))} }`,
  );
  const body = entries.length === 0 ? '{ NULL, FIELD_U64, false }' : list.join(', ');
  return `\t[${String(code)}] = { ${String(code)}, "${name}", ROOM_${room.toUpperCase()}, ${rulesOf(name)}, ${String(entries.length)}, { ${body} } },\n`;
}

/** Those that a function of the room does; the clone is the launch's own. */
function entries(names: readonly OperationName[], room: 'shim' | 'init'): string {
  const ofRoom = names.filter((name) => OPERATIONS[name].room === room && name !== 'clone');
  return ofRoom.map((name) => `\\\n\tX(${name.toUpperCase()}, ${name}) `).join('');
}

/** The header's text. */
export function generatePlanHeader(): string {
  const names = WIRE_OPERATIONS;
  const most = Math.max(...names.map((name) => Object.keys(OPERATIONS[name].fields).length));
  const codes = names.map((name) => `#define OP_${name.toUpperCase()} ${String(OPERATIONS[name].code)}\n`);
  const choices = (prefix: string, values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .map(([name, value]) => `#define ${prefix}_${name.toUpperCase()} ${String(value)}\n`)
      .join('');
  return `/* Written by scripts/generate-plan-header.ts from daemon/runtime/plan/operations.ts; do not edit. */
#ifndef TARE_PLAN_OPS_H
#define TARE_PLAN_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC ${String(PLAN_MAGIC)}u
#define PLAN_VERSION ${String(PLAN_VERSION)}u
#define PLAN_MAX_FIELDS ${String(most)}
#define PLAN_MAX_CODE ${String(Math.max(...names.map((name) => OPERATIONS[name].code)))}
#define MOUNT_COPY_UP ${String(MOUNT_COPY_UP)}
${choices('DEVICE_KIND', DEVICE_KINDS)}${choices('CONNECT', CONNECT_PURPOSES)}#define CONNECT_PURPOSES ${String(Object.keys(CONNECT_PURPOSES).length)}

${codes.join('')}
${RULE_NAMES.map((rule, bit) => `#define RULE_${rule} ${String(1 << bit)}u\n`).join('')}
/* All operations of a room but \`clone\`: X(CODE, name). */
#define PLAN_SHIM_OPERATIONS(X) ${entries(names, 'shim')}

#define PLAN_INIT_OPERATIONS(X) ${entries(names, 'init')}

enum plan_room { ROOM_SHIM, ROOM_INIT };
enum plan_field_kind { FIELD_U64, FIELD_I64, FIELD_STR, FIELD_BYTES, FIELD_STRS, FIELD_U64S };

struct plan_bytes {
	const uint8_t *at;
	size_t size;
};

/* \`count\` encoded items; plan_next_string and plan_next_number walk them. */
struct plan_list {
	const uint8_t *at;
	size_t count;
};

/* Every field takes 16 bytes, so that the parser fills \`values\` and all others read the named members. */
union plan_value {
	_Alignas(16) uint64_t number;
	int64_t integer;
	const char *text;
	struct plan_bytes bytes;
	struct plan_list list;
};

struct plan_shape {
	uint16_t code;
	const char *name;
	enum plan_room room;
	unsigned rules;
	size_t field_count;
	struct {
		const char *name;
		enum plan_field_kind kind;
		bool host_path;
	} fields[PLAN_MAX_FIELDS];
};

struct plan_operation {
	const struct plan_shape *shape;
	union {
		union plan_value values[PLAN_MAX_FIELDS];
${names.map(operationStruct).join('')}\t};
};

#ifdef PLAN_OPS_TABLE
/* By their codes; those that are none have no name. */
static const struct plan_shape plan_shapes[PLAN_MAX_CODE + 1] = {
${names.map(shape).join('')}};
#endif

#endif
`;
}

/** Writes the header to \`path\`, making its directory. */
export function writePlanHeader(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, generatePlanHeader());
}

if (import.meta.main) writePlanHeader(resolve(import.meta.dirname, '../build/shim/plan_ops.h'));
