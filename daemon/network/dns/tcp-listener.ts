/** Questions by TCP on one address: several in one connection, answered as the answers come (RFC 7766, 6.2.1). */
import { createServer, isIPv6, type Socket } from 'node:net';
import { Frames, frame } from './frames.ts';
import { LONGEST_QUERY } from './message.ts';
import type { Handler } from './udp-listener.ts';

/** Without a question or an answer. */
const IDLE_MS = 10_000;
const MOST_CONNECTIONS = 256;
const MOST_OF_ONE = 16;
/** Of one connection, unanswered at a time; what follows waits in the kernel. */
const MOST_PENDING = 32;
/** Answered in one go; then others have their turn. */
const AT_ONCE = 16;
const MOST_UNSENT_BYTES = 65_536;

export interface TcpOptions {
  /** Whose connections are taken. */
  readonly admits: (address: string) => boolean;
  readonly handler: Handler;
  /** Told what goes wrong later. */
  readonly failed: (error: Error) => void;
}

/** Rejects with the error of bind(2) or listen(2), which has a `code`. */
export async function listenTcp(
  address: string,
  port: number,
  { admits, handler, failed }: TcpOptions,
): Promise<{ close(): void }> {
  const connections = new Set<Connection>();
  const perAddress = new Map<string, number>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const from = socket.remoteAddress;
    const before = from === undefined ? 0 : (perAddress.get(from) ?? 0);
    if (from === undefined || before >= MOST_OF_ONE || !admits(from)) {
      socket.destroy();
      return;
    }
    perAddress.set(from, before + 1);
    const connection = new Connection(socket, from, handler);
    connections.add(connection);
    socket.on('close', () => {
      connections.delete(connection);
      const left = (perAddress.get(from) ?? 1) - 1;
      if (left > 0) perAddress.set(from, left);
      else perAddress.delete(from);
    });
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', failed);
  return {
    close: () => {
      server.close();
      for (const connection of connections) connection.end();
    },
  };
}

class Connection {
  private readonly socket: Socket;
  private readonly address: string;
  private readonly handler: Handler;
  private readonly frames = new Frames(LONGEST_QUERY);
  private pending = 0;
  private hasEnded = false;
  private isScheduled = false;

  constructor(socket: Socket, address: string, handler: Handler) {
    this.socket = socket;
    this.address = address;
    this.handler = handler;
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    // Reset by who asked: nothing is owed any more.
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      this.frames.add(chunk);
      this.proceed();
    });
    socket.on('drain', () => {
      this.proceed();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.proceed();
    });
  }

  end(): void {
    this.socket.destroy();
  }

  /** Answers what has come, as far as it may; reads on when all of it is under way. */
  private proceed(): void {
    if (this.socket.destroyed || this.isScheduled) return;
    for (let done = 0; this.isReady(); done++) {
      if (done === AT_ONCE) {
        this.socket.pause();
        this.isScheduled = true;
        setImmediate(() => {
          this.isScheduled = false;
          this.proceed();
        });
        return;
      }
      const message = this.frames.take();
      if (message === undefined) {
        this.readOn();
        return;
      }
      this.answer(message);
    }
    this.socket.pause();
  }

  private readOn(): void {
    if (this.frames.isTooLong) this.socket.destroy();
    else if (!this.hasEnded) this.socket.resume();
    else if (this.pending === 0) this.socket.end();
  }

  private isReady(): boolean {
    return this.pending < MOST_PENDING && this.socket.writableLength < MOST_UNSENT_BYTES;
  }

  private answer(message: Buffer): void {
    const reply = this.handler(message, this.address);
    if (!(reply instanceof Promise)) {
      this.send(reply);
      return;
    }
    this.pending++;
    void reply.then((late) => {
      this.pending--;
      this.send(late);
      this.proceed();
    });
  }

  private send(reply: Buffer | undefined): void {
    if (reply !== undefined && this.socket.writable) this.socket.write(frame(reply));
  }
}
