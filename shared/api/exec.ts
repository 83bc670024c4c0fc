/** The exec resource: a further process in a running container. */
import { Type, type Static } from '@sinclair/typebox';
import { AbsolutePath, NoNul, Timestamp, closed } from './common.ts';
import { Exit } from './container.ts';

export const ExecRequest = closed({
  command: Type.Array(NoNul, { minItems: 1, maxItems: 65_536 }),
  env: Type.Optional(
    Type.Array(Type.String({ pattern: '^[^=\\u0000]+=[^\\u0000]*$', description: 'NAME=value' }), { maxItems: 65_536 }),
  ),
  workdir: Type.Optional(AbsolutePath),
  user: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[^\\u0000]*$',
      description: '"name", "uid", "name:group" or "uid:gid"',
    }),
  ),
  tty: Type.Optional(Type.Boolean()),
  stdin: Type.Optional(Type.Boolean()),
  stdout: Type.Optional(Type.Boolean({ description: 'pass it on to who starts it attached (default true)' })),
  stderr: Type.Optional(Type.Boolean({ description: 'pass it on to who starts it attached (default true)' })),
  /** Keys that detach a client of its terminal, as `tare exec --detach-keys` has them. */
  detachKeys: Type.Optional(Type.String({ maxLength: 64 })),
  privileged: Type.Optional(Type.Boolean()),
  /** Terminal size at start. */
  rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
});
export type ExecRequest = Static<typeof ExecRequest>;

export const ExecResponse = Type.Object({ id: Type.String() });

export const EXEC_STATUSES = ['created', 'running', 'exited'] as const;

export const ExecDetail = Type.Object({
  id: Type.String(),
  container: Type.String(),
  status: Type.Union(EXEC_STATUSES.map((name) => Type.Literal(name))),
  request: ExecRequest,
  pid: Type.Optional(Type.Integer()),
  createdAt: Timestamp,
  startedAt: Type.Optional(Timestamp),
  exit: Type.Optional(Exit),
});
export type ExecDetail = Static<typeof ExecDetail>;

export const ResizeRequest = closed({
  rows: Type.Integer({ minimum: 1, maximum: 65_535 }),
  columns: Type.Integer({ minimum: 1, maximum: 65_535 }),
});
export type ResizeRequest = Static<typeof ResizeRequest>;
