/** What the engine sees of shims. Implemented in shims.ts, shim.ts and attachment.ts. */
import type { ValuesOf } from '../../shared/wire/fields.ts';
import type { MESSAGES } from './messages.ts';

export type ProcessExit = ValuesOf<(typeof MESSAGES)['exited']['fields']>;
export type ProcessStatus = ValuesOf<(typeof MESSAGES)['process']['fields']>;
export type LaunchFailure = ValuesOf<(typeof MESSAGES)['failed']['fields']>;

export interface LogFileRequest {
  readonly path: string;
  /** Docker's json-file in place of the CRI's. */
  readonly json?: boolean;
  /** 0: never rotated. */
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export interface StartRequest {
  /** "" is init, else the exec's id. */
  readonly process: string;
  readonly stdio: 'null' | 'pipes' | 'terminal' | 'inherit';
  readonly stdinOpen: boolean;
  readonly log?: LogFileRequest;
  readonly record?: string;
  readonly oom?: string;
  readonly plan: Uint8Array;
}

export type StartOutcome =
  | { readonly is: 'started' | 'created'; readonly pid: number; readonly startTime: number | bigint }
  | { readonly is: 'failed'; readonly failure: LaunchFailure };

/** The shim said no (`errno` is its number, 0 where it was not the kernel's). */
export class ShimRefusal extends Error {
  override name = 'ShimRefusal';
  readonly errno: number;
  constructor(message: string, errno: number) {
    super(message);
    this.errno = errno;
  }
}

/** The shim's connection ended, or it did not answer within its deadline (`timeout`). */
export class ShimLost extends Error {
  override name = 'ShimLost';
  readonly timeout: boolean;
  constructor(message: string, timeout: boolean, options?: ErrorOptions) {
    super(message, options);
    this.timeout = timeout;
  }
}

export interface AttachSink {
  /** False: no more until resume(). */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): boolean;
  /** Once, last. `exit` where the process ended; `lost` where the connection broke; "slow" where it was cut. */
  end(end: { readonly reason: 'exited' | 'slow' | 'lost'; readonly exit?: ProcessExit }): void;
}

/** A connection of its own that carries one process's streams. Nothing is read from it before `begin`. */
export interface ShimAttachment {
  readonly terminal: boolean;
  begin(sink: AttachSink): void;
  /** False: hold until the drain callback. */
  write(bytes: Buffer): boolean;
  onDrain(callback: () => void): void;
  endStdin(): void;
  resume(): void;
  close(): void;
}

/** The streams that an attachment carries, and its manners. */
export interface AttachmentOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** stdin is closed when this attachment says so or goes away. */
  readonly closeStdin: boolean;
  /** Cut off instead of holding the process back. */
  readonly cutWhenSlow: boolean;
  /** The log is read as it grows meanwhile: no beginning of a line is to be held back from it. */
  readonly followsLog?: boolean;
}

export interface Shim {
  readonly id: string;
  readonly pid: number;
  start(request: StartRequest): Promise<StartOutcome>;
  go(process: string): Promise<StartOutcome>;
  signal(process: string, signal: number): Promise<void>;
  resize(process: string, rows: number, columns: number): Promise<void>;
  /** The terminal's size for a process that is not started yet: set right behind its `start`. */
  sizeAtStart(process: string, rows: number, columns: number): void;
  status(): Promise<ProcessStatus[]>;
  forget(process: string): Promise<void>;
  shutdown(): Promise<void>;
  /** The pidfd (close-on-exec), received by SCM_RIGHTS; the caller closes it. */
  pidfd(process: string): Promise<{ readonly fd: number; readonly pid: number }>;
  attach(process: string, options: AttachmentOptions): Promise<ShimAttachment>;
  /** Called for every end of a process; also for one that ended before adoption. Set before `start` is called. */
  onExited(listener: (exit: ProcessExit) => void): void;
  /** Called once if the connection ends although neither forget("") nor shutdown nor release was asked for. */
  onLost(listener: (error: ShimLost) => void): void;
  /** Lets go of the connection; the shim lives on (the daemon goes down). */
  release(): void;
}

export interface ShimPool {
  /** A fresh shim at `<run>/c/<id>.sock`: the spare one if ready, else spawned. */
  open(id: string): Promise<Shim>;
  /** The shim that outlived the last daemon; undefined where nobody listens. ShimLost {timeout} where it hangs. */
  adopt(id: string, deadlineMs: number): Promise<Shim | undefined>;
  /** Ids that have a socket in `<run>/c`. */
  listed(): Promise<string[]>;
  /** Removes the socket of a shim that is gone. */
  discard(id: string): Promise<void>;
  /** Ends the spare shim; others live on. */
  close(): Promise<void>;
}
