/** The log of a container: where it goes, and how it is read. */
import { Type, type Static } from '@sinclair/typebox';
import { Bytes, Moment, Timestamp, closed } from './common.ts';

/** cri: the Kubernetes CRI text format (default). json-file: docker's. none: nothing is kept. */
export const LOG_DRIVERS = ['cri', 'json-file', 'none'] as const;
export type LogDriver = (typeof LOG_DRIVERS)[number];

export const LogOptions = closed({
  driver: Type.Optional(Type.Union(LOG_DRIVERS.map((name) => Type.Literal(name)))),
  /** Rotated at this size; 0 is never. */
  maxSize: Type.Optional(Bytes),
  /** Files kept, the current one included. */
  maxFiles: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
});

export const LogQuery = closed({
  follow: Type.Optional(Type.Boolean({ description: 'go on until the container has ended' })),
  stdout: Type.Optional(Type.Boolean()),
  stderr: Type.Optional(Type.Boolean()),
  timestamps: Type.Optional(Type.Boolean({ description: 'as plain text: each line after its time' })),
  /** RFC 3339, or seconds since 1970 with up to nine decimals. */
  since: Type.Optional(Moment),
  until: Type.Optional(Moment),
  /** Number of last lines, or "all". */
  tail: Type.Optional(Type.String({ pattern: '^([0-9]{1,9}|all)$', description: 'a number of lines, or "all"' })),
});
export type LogQuery = Static<typeof LogQuery>;

/** One line (or part of one) of the log, as NDJSON and SSE carry it. */
export const LogEntry = Type.Object({
  at: Timestamp,
  stream: Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]),
  /** The line without its newline; bytes that are not UTF-8 appear as U+FFFD. */
  text: Type.String(),
  /** The line goes on in the next entry of the same stream. */
  partial: Type.Boolean(),
});
export type LogEntry = Static<typeof LogEntry>;
