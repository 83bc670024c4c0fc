/**
 * The terminal of a process that this command stays with: its master is sent to a socket of our own, and relayed
 * from and to our standard streams, with ours in raw mode and every change of its size passed on.
 */
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import { setTimeout as delay } from 'node:timers/promises';
import { listenForDescriptor, takeDescriptor } from '../../native-bindings/descriptor-listener.ts';
import { makeRaw, setWindowSize, windowSize } from '../../native-bindings/terminal.ts';
import { CONSOLE_PREFIX } from '../container/state.ts';

/** What the line discipline takes for the end of input. */
const END_OF_INPUT = '\u0004';
/** How long output may pause, once the process has ended, while others still hold its terminal. */
const QUIET_MS = 200;
const TICK_MS = 5;

export interface Terminal {
  /** For StartTarget.consoleSocket. */
  readonly address: string;
  /** Begins to relay; once the process has been launched, which has sent the master by then. */
  connect(): void;
  /** Resolves when all that the process wrote, which has ended, is relayed. */
  drained(): Promise<void>;
  /** Gives our own terminal its mode back. */
  close(): void;
}

/** `root`: of the states; the socket is in it. */
export function openTerminal(root: string): Terminal {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // By descriptor, for the address of a socket is short, and the path of the root may not be.
  const directory = openSync(root, 'r');
  const name = `${CONSOLE_PREFIX}${String(process.pid)}`;
  rmSync(join(root, name), { force: true });
  const address = `/proc/${String(process.pid)}/fd/${String(directory)}/${name}`;
  let listener: number | undefined;
  const closeListener = (): void => {
    if (listener !== undefined) closeSync(listener);
    listener = undefined;
    rmSync(join(root, name), { force: true });
    closeSync(directory);
  };
  try {
    listener = listenForDescriptor(address);
  } catch (error) {
    closeListener();
    throw error;
  }
  const socket = listener;
  let relay: Relay | undefined;
  return {
    address,
    connect: () => {
      relay = new Relay(takeDescriptor(socket));
      closeListener();
    },
    drained: async () => {
      await relay?.drained();
    },
    close: () => {
      if (relay === undefined) closeListener();
      relay?.close();
    },
  };
}

class Relay {
  private readonly stream: ReadStream;
  private readonly resize: () => void;
  private readonly restore: (() => void) | undefined;
  private received = 0;
  private isOver = false;

  constructor(master: number) {
    this.resize = () => {
      const size = [0, 1, 2].map(windowSize).find((found) => found !== undefined);
      // One that has no size has nothing to say of ours.
      if (size !== undefined && size.rows > 0 && size.columns > 0) setWindowSize(master, size);
    };
    this.resize();
    process.on('SIGWINCH', this.resize);
    this.restore = makeRaw(0);
    this.stream = new ReadStream(master);
    this.stream.on('data', (bytes: Buffer) => {
      this.received += bytes.length;
      if (process.stdout.write(bytes)) return;
      this.stream.pause();
      process.stdout.once('drain', () => this.stream.resume());
    });
    // EIO is how a master says that nobody has the terminal any more.
    for (const event of ['end', 'close', 'error'] as const) this.stream.on(event, () => (this.isOver = true));
    process.stdin.on('data', (bytes: Buffer) => {
      if (this.isOver || this.stream.write(bytes)) return;
      process.stdin.pause();
      this.stream.once('drain', () => process.stdin.resume());
    });
    process.stdin.on('end', () => {
      if (!this.isOver) this.stream.write(END_OF_INPUT);
    });
  }

  /** Until nobody has the terminal any more, or those who still have it are quiet. */
  async drained(): Promise<void> {
    let { received } = this;
    for (let quiet = 0; quiet < QUIET_MS && !this.isOver; quiet += TICK_MS) {
      await delay(TICK_MS);
      if (received !== this.received) quiet = 0;
      ({ received } = this);
    }
  }

  close(): void {
    process.off('SIGWINCH', this.resize);
    process.stdin.pause();
    this.restore?.();
    this.stream.destroy();
  }
}
