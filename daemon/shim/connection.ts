/** The control connection to one shim: requests by tag, their answers, and what the shim says unasked. */
import { connect, type Socket } from 'node:net';
import { FrameParser, encodeMessage } from './codec.ts';
import { PROTOCOL_VERSION, type Message } from './messages.ts';
import { ShimLost, ShimRefusal } from './types.ts';

/** What the connection tells its owner; one object instead of a closure for each event. */
export interface ConnectionOwner {
  /** A message with tag 0. */
  heard(message: Message): void;
  /** Once, however it ended, except after close(). */
  ended(error: ShimLost): void;
}

/** Requests are sent without their tag, which the connection gives. */
export type Request = Untagged<Message>;
type Untagged<M> = M extends unknown ? Omit<M, 'tag'> : never;

type Answer = (answer: Message | undefined, error: Error | undefined) => void;

interface Waiting {
  readonly answer: Answer;
  readonly timer: NodeJS.Timeout;
  /** Answers before the last one (`process` of a status). */
  parts: Message[] | undefined;
}

/** Longest wait for the hello and for an answer, unless the request says otherwise. */
export const ANSWER_DEADLINE_MS = 10_000;

/** Bytes of the one buffer that all control connections of a pool read into: answers are short. */
export const READ_BUFFER_SIZE = 16 * 1024;

export class Connection {
  /** The shim's own pid; 0 until its hello came. */
  shimPid = 0;
  private readonly name: string;
  private readonly owner: ConnectionOwner;
  private readonly socket: Socket;
  private readonly parser = new FrameParser('shim');
  private waiting: Map<number, Waiting> | undefined;
  private greeting: { resolve: () => void; reject: (error: Error) => void; timer: NodeJS.Timeout } | undefined;
  private lastTag = 0;
  private cause: Error | undefined;
  private over = false;

  /** Connects and says hello; requests may follow at once. `buffer` may be shared: what is read is parsed before the next read. */
  constructor(path: string, name: string, owner: ConnectionOwner, buffer: Uint8Array) {
    this.name = name;
    this.owner = owner;
    const callback = (count: number): boolean => {
      this.read(buffer.subarray(0, count));
      return true;
    };
    this.socket = connect({ path, onread: { buffer, callback } });
    this.socket.on('error', (error) => {
      this.cause ??= error;
    });
    this.socket.on('close', () => {
      this.closed();
    });
    this.socket.write(encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION }));
  }

  /** Resolves with the shim's hello. Rejects with ShimLost; its cause has the code of a refused connection. */
  greeted(deadlineMs: number): Promise<void> {
    if (this.shimPid !== 0) return Promise.resolve();
    if (this.over) return Promise.reject(this.lost());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.greeting = undefined;
        reject(new ShimLost(`shim ${this.name} did not say hello within ${String(deadlineMs)} ms`, true));
      }, deadlineMs);
      this.greeting = { resolve, reject, timer };
    });
  }

  /** Resolves with the answer. Rejects with ShimRefusal (`error`), ShimLost (the end, the deadline), or as encodeMessage throws. */
  request(request: Request, deadlineMs = ANSWER_DEADLINE_MS): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.send(request, deadlineMs, (answer, error) => {
        if (answer === undefined) reject(error ?? this.lost());
        else resolve(answer);
      });
    });
  }

  /** As `request`, for a request that is answered by several messages of one tag; the last is `ok`. */
  requestMany(request: Request): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const parts: Message[] = [];
      const tag = this.send(request, ANSWER_DEADLINE_MS, (answer, error) => {
        if (answer === undefined) reject(error ?? this.lost());
        else resolve(parts);
      });
      const waiting = this.waiting?.get(tag);
      if (waiting !== undefined) waiting.parts = parts;
    });
  }

  /** Lets go: what still waits is rejected, the owner hears nothing more. */
  close(): void {
    this.finish();
    this.socket.destroy();
  }

  private send(request: Request, deadlineMs: number, answer: Answer): number {
    if (this.over) {
      answer(undefined, this.lost());
      return 0;
    }
    this.lastTag = this.lastTag === 0xffff_ffff ? 1 : this.lastTag + 1;
    const tag = this.lastTag;
    const frame = encodeMessage({ ...request, tag });
    const timer = setTimeout(() => {
      // an answer that comes after all is of a tag nobody waits for
      this.waiting?.delete(tag);
      answer(
        undefined,
        new ShimLost(`shim ${this.name} did not answer ${request.is} within ${String(deadlineMs)} ms`, true),
      );
    }, deadlineMs);
    this.waiting ??= new Map();
    this.waiting.set(tag, { answer, timer, parts: undefined });
    this.socket.write(frame);
    return tag;
  }

  private read(bytes: Uint8Array): void {
    if (this.over) return;
    try {
      for (const message of this.parser.push(bytes)) this.received(message);
    } catch (error) {
      this.cause = error as Error;
      this.socket.destroy();
    }
  }

  private received(message: Message): void {
    if (message.is === 'shim_hello') {
      this.hello(message.version, message.pid);
      return;
    }
    const waiting = message.tag === 0 ? undefined : this.waiting?.get(message.tag);
    if (waiting === undefined) {
      if (message.tag === 0) this.owner.heard(message);
      return;
    }
    if (message.is === 'process' && waiting.parts !== undefined) {
      waiting.parts.push(message);
      return;
    }
    this.waiting?.delete(message.tag);
    // a container that runs for weeks needs no table of what it is asked for
    if (this.waiting?.size === 0) this.waiting = undefined;
    clearTimeout(waiting.timer);
    if (message.is === 'error') {
      waiting.answer(undefined, new ShimRefusal(message.text, Number(message.errno)));
    } else {
      waiting.answer(message, undefined);
    }
  }

  private hello(version: number | bigint, pid: number | bigint): void {
    if (version !== PROTOCOL_VERSION) {
      const both = `version ${String(PROTOCOL_VERSION)} expected, ${String(version)} came`;
      this.cause = new Error(`shim ${this.name} speaks another protocol: ${both}`);
      this.socket.destroy();
      return;
    }
    this.shimPid = Number(pid);
    const greeting = this.greeting;
    this.greeting = undefined;
    if (greeting === undefined) return;
    clearTimeout(greeting.timer);
    greeting.resolve();
  }

  private closed(): void {
    if (this.over) return;
    this.finish();
    this.owner.ended(this.lost());
  }

  private finish(): void {
    this.over = true;
    const waiting = this.waiting;
    this.waiting = undefined;
    if (this.greeting !== undefined) {
      clearTimeout(this.greeting.timer);
      this.greeting.reject(this.lost());
      this.greeting = undefined;
    }
    if (waiting === undefined) return;
    for (const { answer, timer } of waiting.values()) {
      clearTimeout(timer);
      answer(undefined, this.lost());
    }
  }

  private lost(): ShimLost {
    const text = `the connection to shim ${this.name} ended`;
    if (this.cause === undefined) return new ShimLost(text, false);
    return new ShimLost(`${text}: ${this.cause.message}`, false, { cause: this.cause });
  }
}
