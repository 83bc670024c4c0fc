/**
 * The shim protocol: the one table from which the TypeScript codec (codec.ts) and the C header
 * (build/shim/messages.h, written by scripts/generate-messages-header.ts) both come.
 *
 * A frame is a header of 12 bytes, little-endian, and a payload:
 *
 *     u32 length of the payload    u16 type    u16 zero    u32 tag    payload
 *
 * The payload is a record of the message's fields (shared/wire/fields.ts); `stdin` and `output` carry their
 * bytes as they are (`raw`). An answer has the tag of its request; what the shim sends unasked has tag 0.
 * The first frame of a connection is `hello` from each side; the client need not wait for the shim's.
 *
 * A process is named by a string: "" is the container's init, anything else an exec's id.
 */
import type { Fields, ValuesOf } from '../../shared/wire/fields.ts';

export const PROTOCOL_VERSION = 1;
export const HEADER_SIZE = 12;
/** Longest payload either side accepts: a plan with its seccomp filter and environment fits many times over. */
export const MAX_PAYLOAD = 8 * 1024 * 1024;
/** Longest payload of `stdin` and `output`. */
export const MAX_DATA = 64 * 1024;

/** What `start.stdio` may be. `inherit`: the shim's own descriptors 0, 1, 2 (tare-oci). */
export const STDIO = { null: 0, pipes: 1, terminal: 2, inherit: 3 } as const;
/** `pipes` with an stdin that a client may write to; otherwise stdin is /dev/null. */
export const START_STDIN_OPEN = 1;
/** The log is docker's json-file in place of the CRI's. */
export const START_LOG_JSON = 2;

export const STREAM = { stdin: 0, stdout: 1, stderr: 2 } as const;
/** Bits of `attach.streams`. */
export const ATTACH_STDIN = 1;
export const ATTACH_STDOUT = 2;
export const ATTACH_STDERR = 4;
/** Bits of `attach.flags`: stdin is closed when this client sends an empty `stdin` or goes away. */
export const ATTACH_CLOSE_STDIN = 1;
/** A client that does not read is cut off instead of holding the process back. */
export const ATTACH_CUT_WHEN_SLOW = 2;
/** It reads the log as it grows: a json-file then has the beginning of a line at once, as a piece. */
export const ATTACH_FOLLOWS_LOG = 4;

interface Shape {
  readonly type: number;
  readonly from: 'client' | 'shim';
  readonly fields: Fields;
  /** The payload is bytes as they are; `fields` is empty. */
  readonly raw?: true;
}

export const MESSAGES = {
  // -- requests ----------------------------------------------------------------------------------------
  client_hello: { type: 1, from: 'client', fields: { version: 'u64' } },
  /**
   * Launches a plan. Answers: `started`, or `created` where the plan has `await_go` or `await_start`, or `failed`.
   * `log`: absolute path of the log ("" none), rotated at `log_max_bytes` (0 never) keeping `log_max_files`
   * (log, log.1, …). `record`: absolute path of the exit record ("" none). `oom`: a file with a line
   * "oom_kill N" (memory.oom_control on v1, memory.events on v2), read at the end; "" none.
   */
  start: {
    type: 2,
    from: 'client',
    fields: {
      process: 'str',
      stdio: 'u64',
      flags: 'u64',
      log: 'str',
      log_max_bytes: 'u64',
      log_max_files: 'u64',
      record: 'str',
      oom: 'str',
      plan: 'bytes',
    },
  },
  /**
   * Lets a created process go on from `await_go`. Answers: `created` at the plan's next stop, `started` or `failed`. May
   * come while it is launched, for its next stop: then it does not wait there, and `start` is still answered `created`, and
   * this as ever; where the launch fails before, `start` is answered `failed`, and this `failed` or `error` ESRCH.
   */
  go: { type: 3, from: 'client', fields: { process: 'str' } },
  /** pidfd_send_signal(2). Answers: `ok`, `error` (ESRCH once it ended). */
  signal: { type: 4, from: 'client', fields: { process: 'str', signal: 'u64' } },
  /** TIOCSWINSZ on the process's PTY. Answers: `ok`, `error` (ENOTTY without one). */
  resize: { type: 5, from: 'client', fields: { process: 'str', rows: 'u64', columns: 'u64' } },
  /**
   * From now on this connection carries the process's streams. Answers: `attached`, then `stdout`/`stderr`…, `exited`,
   * `detached`. May come before the process's `start`, so that not a byte is missed: it is answered at once, and
   * if that start fails `detached` "failed" comes. One attachment a connection.
   */
  attach: { type: 6, from: 'client', fields: { process: 'str', streams: 'u64', flags: 'u64' } },
  /** Bytes for the attached process's stdin; an empty one is its end. No answer. */
  stdin: { type: 7, from: 'client', fields: {}, raw: true },
  /** From now on this connection is told `exited` of every process, those already ended and not yet forgotten included. Answers: `ok`. */
  subscribe: { type: 8, from: 'client', fields: {} },
  /** Answers: one `process` for each process known, then `ok`. */
  status: { type: 9, from: 'client', fields: {} },
  /** Answers: `pidfd`, with the descriptor as SCM_RIGHTS on the frame's first byte; or `error`. */
  pidfd: { type: 10, from: 'client', fields: { process: 'str' } },
  /** The end of this process is recorded elsewhere now: an ended exec is dropped; for init the shim ends itself. Answers: `ok`. */
  forget: { type: 11, from: 'client', fields: { process: 'str' } },
  /** Ends a shim in which nothing was started. Answers: `ok`, or `error` EBUSY. */
  shutdown: { type: 12, from: 'client', fields: {} },

  // -- answers and events ------------------------------------------------------------------------------
  /** `pid` is the shim's own. */
  shim_hello: { type: 64, from: 'shim', fields: { version: 'u64', pid: 'u64' } },
  /** execve succeeded. `pid` on the host; `start_time` is field 22 of /proc/PID/stat. */
  started: { type: 65, from: 'shim', fields: { process: 'str', pid: 'u64', start_time: 'u64' } },
  /** It waits at `await_go` for `go`, or at `await_start` for its pipe. */
  created: { type: 66, from: 'shim', fields: { process: 'str', pid: 'u64', start_time: 'u64' } },
  /**
   * `operation`: index in the plan, or -1 where no operation was at fault (garbled plan, log that cannot be
   * opened, init killed); `step`: what the operation was doing, in words ("openat2", "fsconfig lowerdir");
   * `errno` 0 where there is none; `path` the path concerned or "".
   */
  failed: {
    type: 67,
    from: 'shim',
    fields: { process: 'str', operation: 'i64', step: 'str', errno: 'u64', path: 'str' },
  },
  ok: { type: 68, from: 'shim', fields: {} },
  /** A request that could not be done; `errno` 0 and `text` where it was not the kernel that said no. */
  error: { type: 69, from: 'shim', fields: { errno: 'u64', text: 'str' } },
  /** `state`: 0 created, 1 running, 2 ended (then `code`, `signal`, `ended_at` count). `terminal` 1: it has a PTY. */
  process: {
    type: 70,
    from: 'shim',
    fields: {
      process: 'str',
      state: 'u64',
      pid: 'u64',
      start_time: 'u64',
      terminal: 'u64',
      code: 'u64',
      signal: 'u64',
      ended_at: 'u64',
      oom_kills: 'u64',
    },
  },
  pidfd_is: { type: 71, from: 'shim', fields: { process: 'str', pid: 'u64' } },
  /** `terminal` 1: the process has a PTY (one stream, stdout); 2: it is not started yet, so that is not known. */
  attached: { type: 72, from: 'shim', fields: { process: 'str', terminal: 'u64' } },
  /** Bytes of an attached process: `stdout` also for a PTY. */
  stdout: { type: 73, from: 'shim', fields: {}, raw: true },
  stderr: { type: 74, from: 'shim', fields: {}, raw: true },
  /** After the last output was sent. `code` 0…255, `signal` 0 or its number (then `code` is 128+signal); `ended_at` ns since 1970. */
  exited: {
    type: 75,
    from: 'shim',
    fields: { process: 'str', code: 'u64', signal: 'u64', ended_at: 'u64', oom_kills: 'u64' },
  },
  /** The attachment is over; `reason` "ended" (after exited), "slow" (cut off) or "failed" (it never started). The connection is closed after it. */
  detached: { type: 76, from: 'shim', fields: { reason: 'str' } },
} as const satisfies Record<string, Shape>;

export type MessageName = keyof typeof MESSAGES;

export type MessageValues<N extends MessageName> = (typeof MESSAGES)[N] extends { raw: true }
  ? { data: Uint8Array }
  : ValuesOf<(typeof MESSAGES)[N]['fields']>;

/** One message: `{ is: 'signal', tag: 3, process: '', signal: 15 }`. */
export type Message = { [N in MessageName]: { is: N; tag: number } & MessageValues<N> }[MessageName];

/**
 * The exit record: what the shim writes to `start.record` (temporary file, rename) when the process
 * has ended and its last output is in the log. JSON with exactly these keys.
 */
export interface ExitRecord {
  readonly version: 1;
  readonly code: number;
  readonly signal: number;
  readonly oom_kills: number;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly at: string;
}
