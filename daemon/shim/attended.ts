/**
 * A shim that has one client and ends with it: tare-oci's. It inherits its end of a socket pair (`--connection`), and
 * keeps the standard streams that it is given for processes with stdio `inherit`.
 *
 * Everything up to `started` is synchronous: a command line has nothing else to do meanwhile. The ends of processes
 * are then waited for in the event loop.
 */
import { closeSync, readSync, writeSync } from 'node:fs';
import { sealedCopy } from '../../native-bindings/memfd.ts';
import { whenReadable } from '../../native-bindings/readable.ts';
import { socketpair } from '../../native-bindings/socketpair.ts';
import { spawnNow } from '../../native-bindings/spawn.ts';
import { waitForEnd } from '../../native-bindings/wait.ts';
import { FrameParser, encodeMessage } from './codec.ts';
import { PROTOCOL_VERSION, START_LOG_JSON, START_STDIN_OPEN, STDIO, type Message } from './messages.ts';
import { ShimLost, ShimRefusal, type ProcessExit, type StartOutcome, type StartRequest } from './types.ts';

export interface AttendedOptions {
  /** Path of the shim's binary. A sealed copy of it is what runs. */
  readonly program: string;
  /** A descriptor of what is run, close-on-exec and ours to close; default: a sealed copy of `program`. */
  readonly copy?: (program: string) => number;
  /** This many descriptors from 3 on are handed to the shim, for `preserve_descriptors`. */
  readonly preserveDescriptors?: number;
  /** Descriptors that `inherit` means; absent: this process's own. None of them is 3 or above 3 by less than `preserveDescriptors`. */
  readonly stdio?: readonly [stdin: number, stdout: number, stderr: number];
}

const READ_SIZE = 64 * 1024;
const FIRST_PRESERVED = 3;

const sealedShim = (program: string): number => sealedCopy(program, 'tare-shim');

/** Throws SystemError. */
export function openAttendedShim(options: AttendedOptions): AttendedShim {
  const { program, copy = sealedShim, preserveDescriptors = 0, stdio = [0, 1, 2] } = options;
  const copied = copy(program);
  const [ours, theirs] = socketpair();
  const preserved = Array.from({ length: preserveDescriptors }, (_, index) => FIRST_PRESERVED + index);
  const at = FIRST_PRESERVED + preserveDescriptors;
  try {
    const pid = spawnNow({
      // by our number: in the child every other descriptor is closed before execve
      file: `/proc/${String(process.pid)}/fd/${String(copied)}`,
      arguments: ['tare-shim', '--connection', String(at), '--preserve-fds', String(preserveDescriptors)],
      environment: [],
      descriptors: [...stdio, ...preserved, theirs],
    });
    return new AttendedShim(ours, pid);
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
    closeSync(copied);
  }
}

export class AttendedShim {
  readonly pid: number;
  private readonly parser = new FrameParser('shim');
  private readonly buffer = Buffer.allocUnsafe(READ_SIZE);
  /** Read, but not looked at yet. */
  private readonly inbox: Message[] = [];
  private readonly exits: ProcessExit[] = [];
  private connection: number | undefined;
  private lastTag = 0;
  /** Goes out with the first request. */
  private greeting: Buffer = encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION });
  private watch: { close(): void } | undefined;

  /** `connection`: closed by close(). `pid`: a child of this process. */
  constructor(connection: number, pid: number) {
    this.connection = connection;
    this.pid = pid;
  }

  /** From now on the end of every process is told, for exitOf. */
  subscribe(): void {
    this.answer(this.send({ is: 'subscribe', tag: 0 }));
  }

  /** Returns at the plan's first stop, or when its program has begun. Throws ShimLost, ShimRefusal. */
  start(request: StartRequest): StartOutcome {
    const { log } = request;
    const tag = this.send({
      is: 'start',
      tag: 0,
      process: request.process,
      stdio: STDIO[request.stdio],
      flags: (request.stdinOpen ? START_STDIN_OPEN : 0) | (log?.json === true ? START_LOG_JSON : 0),
      log: log?.path ?? '',
      log_max_bytes: log?.maxBytes ?? 0,
      log_max_files: log?.maxFiles ?? 0,
      record: request.record ?? '',
      oom: request.oom ?? '',
      plan: request.plan,
    });
    return this.outcome(tag);
  }

  /** Lets the process go on to the plan's next stop. */
  go(process: string): StartOutcome {
    return this.outcome(this.send({ is: 'go', tag: 0, process }));
  }

  /** Does not wait for it; a process that has ended gets none. That the shim is lost is exitOf's to tell. */
  signal(process: string, signal: number): void {
    try {
      this.send({ is: 'signal', tag: 0, process, signal });
    } catch (error) {
      if (!(error instanceof ShimLost)) throw error;
    }
  }

  /**
   * Resolves at the process's end, also where that has come already; after subscribe(). Nothing else can be asked from
   * then on but signal(). Throws ShimLost.
   */
  exitOf(process: string): Promise<ProcessExit> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const exit = this.exits.find((candidate) => candidate.process === process);
        if (exit !== undefined) resolve(exit);
        else if (this.connection === undefined) reject(new ShimLost('the shim was let go of', false));
        else this.watch = whenReadable(this.connection, read);
      };
      const read = (): void => {
        this.watch?.close();
        this.watch = undefined;
        try {
          this.sort(this.receive());
          this.inbox.length = 0;
        } catch (error) {
          reject(lost(error));
          return;
        }
        look();
      };
      look();
    });
  }

  /** Ends the shim, and waits until it has ended: from then on its processes are the children of somebody else. */
  close(): void {
    this.watch?.close();
    this.watch = undefined;
    if (this.connection === undefined) return;
    closeSync(this.connection);
    this.connection = undefined;
    waitForEnd(this.pid);
  }

  private outcome(tag: number): StartOutcome {
    const message = this.answer(tag);
    switch (message.is) {
      case 'started':
      case 'created':
        return { is: message.is, pid: Number(message.pid), startTime: message.start_time };
      case 'failed':
        return { is: 'failed', failure: message };
      default:
        throw new ShimLost(`the shim answered ${message.is} to a start`, false);
    }
  }

  /** Returns the tag that the answer will have. */
  private send(message: Message): number {
    this.lastTag += 1;
    const bytes = Buffer.concat([this.greeting, encodeMessage({ ...message, tag: this.lastTag })]);
    this.greeting = Buffer.alloc(0);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.open(), bytes, at);
    } catch (error) {
      throw lost(error);
    }
    return this.lastTag;
  }

  private answer(tag: number): Message {
    for (;;) {
      while (this.inbox.length === 0) this.sort(this.receive());
      const message = this.inbox.shift();
      if (message?.tag !== tag) continue;
      if (message.is === 'error') throw new ShimRefusal(`the shim refused: ${message.text}`, Number(message.errno));
      return message;
    }
  }

  private sort(messages: Iterable<Message>): void {
    for (const message of messages) {
      if (message.is === 'shim_hello') checkVersion(Number(message.version));
      else if (message.is === 'exited') this.exits.push(message);
      else this.inbox.push(message);
    }
  }

  /** What one read(2) gives: which waits for something, but in exitOf, whose watch has made the socket non-blocking. */
  private receive(): Message[] {
    let size: number;
    try {
      size = readSync(this.open(), this.buffer);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return [];
      throw lost(error);
    }
    if (size === 0) throw new ShimLost('the shim ended before it answered', false);
    // Copied, for the messages may keep views of it.
    return [...this.parser.push(Buffer.from(this.buffer.subarray(0, size)))];
  }

  private open(): number {
    if (this.connection === undefined) throw new ShimLost('the shim was let go of', false);
    return this.connection;
  }
}

function checkVersion(version: number): void {
  if (version === PROTOCOL_VERSION) return;
  throw new ShimLost(`the shim speaks version ${version}, ${PROTOCOL_VERSION} was expected`, false);
}

function lost(error: unknown): ShimLost {
  if (error instanceof ShimLost) return error;
  return new ShimLost(`the connection to the shim broke: ${String(error)}`, false, { cause: error });
}
