/** Errors on the wire: RFC 9457 problem documents. The registry of classes is daemon/engine/errors.ts. */
import { Type, type Static } from '@sinclair/typebox';

/** Classes by meaning; each has one HTTP status (daemon/api/problem.ts). */
export const ERROR_CLASSES = [
  'not_found',
  'conflict',
  'invalid_input',
  'precondition',
  'unavailable',
  'upstream',
  'kernel',
  'internal',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

export const Problem = Type.Object({
  /** `urn:tare:problem:<code>`. */
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  /** Stable, snake_case. */
  code: Type.String(),
  /** Where input was wrong: a JSON path such as "limits.memory". */
  field: Type.Optional(Type.String()),
  /** What to do about it, where something is known. */
  hint: Type.Optional(Type.String()),
  /** Of the command of a build that failed. */
  exitCode: Type.Optional(Type.Integer()),
  /** A failed start or exec: the operation of the plan. */
  operation: Type.Optional(
    Type.Object({
      index: Type.Integer(),
      name: Type.String(),
      step: Type.String(),
      errno: Type.String({ description: 'such as "ENOENT", or ""' }),
      path: Type.String(),
    }),
  ),
});
export type Problem = Static<typeof Problem>;
