/** One process's streams on this terminal: attach and exec over a WebSocket (shared/streams.ts). */
import { DetachKeys } from '../../shared/detach-keys.ts';
import { CHANNEL } from '../../shared/streams.ts';
import { ConnectionLostError, messageOf } from '../errors.ts';
import type { WebSocket } from '../websocket/socket.ts';
import { leaveOnSignals, proxySignals } from './signal-proxy.ts';
import { exitCodeOfStatus } from './status.ts';
import { makeRaw, terminalSize, watchSize, type Size } from './terminal.ts';

export interface SessionOptions {
  /** The process has a terminal. */
  readonly terminal: boolean;
  /** Forward stdin. */
  readonly stdin: boolean;
  /** Where the process is no container's own ("exec"), a lost daemon says nothing of the container. */
  readonly subject: 'container' | 'process';
  readonly detachKeys: readonly number[];
  /** Without a terminal: passes a signal on. Absent: signals end this process alone. */
  readonly signal?: (signal: NodeJS.Signals) => Promise<void>;
}

export type SessionEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'detached' }
  /** A signal ended this process, not the container's. */
  | { readonly kind: 'left'; readonly code: number };

/** Milliseconds after which a key that may begin the detach sequence is passed on anyway. */
const KEY_DELAY = 500;

const STDIN = Buffer.from([CHANNEL.stdin]);
const RESIZE = Buffer.from([CHANNEL.resize]);
const STDIN_CLOSED = Buffer.from([CHANNEL.close, CHANNEL.stdin]);

export class Session {
  readonly #socket: WebSocket;
  readonly #options: SessionOptions;
  readonly #keys: DetachKeys;
  readonly #undo: (() => void)[] = [];
  readonly #ended: Promise<SessionEnd>;
  #settle: { resolve: (end: SessionEnd) => void; reject: (error: Error) => void } | undefined;
  #channel = -1;
  #status: Buffer[] = [];
  #keyTimer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#keys = new DetachKeys(options.terminal && options.stdin ? options.detachKeys : []);
    this.#ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever begins a session may fail before it waits for the end.
    this.#ended.catch(() => undefined);
  }

  /**
   * From now on signals do what they should in a session. Before the process is started: a signal that comes while
   * it starts would otherwise end us and leave it behind.
   */
  watchSignals(): void {
    const { terminal, signal } = this.#options;
    const leave = (code: number): void => {
      this.#finish({ kind: 'left', code });
    };
    if (terminal) this.#undo.push(leaveOnSignals(leave));
    else if (signal !== undefined) this.#undo.push(proxySignals(passing(signal), leave));
  }

  /** Takes the terminal and lets the streams flow. */
  begin(): void {
    const { terminal, stdin } = this.#options;
    if (terminal) this.#beginTerminal();
    this.#socket.open({
      message: (part, first, last) => {
        this.#receive(part, first, last);
      },
      closed: ({ error, reason }) => {
        this.#lost(error, reason);
      },
      drain: () => {
        if (stdin) process.stdin.resume();
      },
    });
    if (stdin) this.#beginStdin();
  }

  /** Tells the process its window's size, where there is one. */
  resize(size: Size | undefined = terminalSize()): void {
    if (!this.#options.terminal || size === undefined) return;
    this.#socket.send(RESIZE, Buffer.from(JSON.stringify({ Width: size.columns, Height: size.rows })));
  }

  /** A full-screen program draws anew when its size changes, so it is given a wrong one first. */
  redraw(): void {
    const size = terminalSize();
    if (size === undefined) return;
    this.resize({ rows: size.rows + 1, columns: size.columns });
    this.resize(size);
  }

  /** Resolves when the process has ended or the user has let go; the terminal is as before by then. */
  end(): Promise<SessionEnd> {
    return this.#ended;
  }

  /** Gives the terminal back and ends the connection. */
  abandon(): void {
    this.#restore();
    this.#socket.close();
  }

  #beginTerminal(): void {
    if (this.#options.stdin) this.#undo.push(makeRaw());
    this.#undo.push(
      watchSize((size) => {
        this.resize(size);
      }),
    );
  }

  #beginStdin(): void {
    const { stdin } = process;
    const data = (bytes: Buffer): void => {
      this.#type(bytes);
    };
    const ended = (): void => {
      this.#socket.send(STDIN_CLOSED);
    };
    const failed = (error: Error): void => {
      process.stderr.write(`tare: cannot read stdin: ${error.message}\n`);
      ended();
    };
    stdin.on('data', data);
    stdin.once('end', ended);
    stdin.once('error', failed);
    this.#undo.push(() => {
      stdin.off('data', data);
      stdin.off('end', ended);
      stdin.off('error', failed);
      stdin.pause();
    });
  }

  #type(bytes: Buffer): void {
    clearTimeout(this.#keyTimer);
    const { forward, detached } = this.#keys.feed(bytes);
    this.#sendInput(forward);
    if (detached) {
      this.#finish({ kind: 'detached' });
      return;
    }
    if (!this.#keys.pending) return;
    this.#keyTimer = setTimeout(() => {
      this.#sendInput(this.#keys.release());
    }, KEY_DELAY);
  }

  #sendInput(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (!this.#socket.send(STDIN, bytes)) process.stdin.pause();
  }

  #receive(part: Buffer, first: boolean, last: boolean): void {
    let payload = part;
    if (first) {
      this.#channel = part[0] ?? -1;
      payload = part.subarray(1);
    }
    if (this.#channel === CHANNEL.stdout) this.#show(process.stdout, payload);
    else if (this.#channel === CHANNEL.stderr) this.#show(process.stderr, payload);
    else if (this.#channel === CHANNEL.status) {
      this.#status.push(Buffer.from(payload));
      if (last) this.#statusReceived(Buffer.concat(this.#status).toString('utf8'));
    }
  }

  #show(output: NodeJS.WriteStream, payload: Buffer): void {
    if (payload.length === 0 || output.write(payload)) return;
    this.#socket.pause();
    output.once('drain', () => {
      this.#socket.resume();
    });
  }

  #statusReceived(text: string): void {
    try {
      this.#finish({ kind: 'exited', code: exitCodeOfStatus(text) });
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #lost(error: Error | undefined, reason: string): void {
    const what = this.#options.subject === 'container' ? 'container' : 'process';
    const why = reason === '' ? '' : ` (${reason})`;
    this.#fail(new ConnectionLostError(`lost the connection to the daemon${why}; the ${what} may still run`, error));
  }

  /** The terminal first: whatever is said next has to appear on a sane one. */
  #finish(end: SessionEnd): void {
    this.#restore();
    this.#socket.close();
    this.#settle?.resolve(end);
    this.#settle = undefined;
  }

  #fail(error: Error): void {
    this.#restore();
    // The cursor stands wherever the program left it.
    if (this.#options.terminal && this.#settle !== undefined) process.stderr.write('\n');
    this.#settle?.reject(error);
    this.#settle = undefined;
  }

  #restore(): void {
    clearTimeout(this.#keyTimer);
    for (const undo of this.#undo.splice(0)) undo();
  }
}

function passing(pass: (signal: NodeJS.Signals) => Promise<void>): (signal: NodeJS.Signals) => void {
  return (signal) => {
    pass(signal).catch((error: unknown) => {
      process.stderr.write(`tare: cannot pass on ${signal}: ${messageOf(error)}\n`);
    });
  };
}

/** What is said when a session ended without its process: the exit code of `tare`. */
export function exitCodeOfSession(end: SessionEnd, name: string): number {
  if (end.kind === 'detached') {
    process.stderr.write(`\r\ntare: detached; come back with: tare attach ${name}\n`);
    return 0;
  }
  return end.code;
}
