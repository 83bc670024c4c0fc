/** Queries of the WebSocket routes; the frames are in shared/streams.ts. */
import { Type, type Static } from '@sinclair/typebox';
import { closed } from './common.ts';

/** `GET /containers/:id/attach`. */
export const AttachQuery = closed({
  stdin: Type.Optional(Type.Boolean({ description: 'take input (default true)' })),
  stdout: Type.Optional(Type.Boolean({ description: 'default true' })),
  stderr: Type.Optional(Type.Boolean({ description: 'default true' })),
  logs: Type.Optional(Type.Boolean({ description: 'send what the log holds first (default false)' })),
});
export type AttachQuery = Static<typeof AttachQuery>;

/** `GET /execs/:id/start`: the terminal's size, both or neither. */
export const ExecStartQuery = closed({
  rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'of the terminal' })),
  columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'of the terminal' })),
});
export type ExecStartQuery = Static<typeof ExecStartQuery>;

/** Input a client sends in one message is at most this, its channel byte included. */
export const MAX_MESSAGE = 1024 * 1024;

/** WebSocket close codes (RFC 6455 section 7.4.1) as the daemon uses them; a status message comes before each but 1002, 1007 and 1009. */
export const CLOSE = {
  /** The process ended, could not start, or its container was removed. */
  normal: 1000,
  /** The daemon is going down; the process runs on. */
  goingAway: 1001,
  /** A message that the protocol does not know: text, an empty one, an unknown channel, a malformed resize. */
  protocol: 1002,
  /** The client read too slowly and was cut off; the process runs on. */
  slow: 1008,
  /** A message larger than MAX_MESSAGE (sent by the WebSocket layer). */
  tooBig: 1009,
  /** The supervisor of the process was lost; its exit is unknown. */
  lost: 1011,
} as const;
