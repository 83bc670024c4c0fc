/**
 * One question to one server of the world outside, and its reply. By UDP each has a socket of its own, connected: the
 * kernel chooses the source port at random and takes replies of that server alone (RFC 5452, 9).
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { Frames, frame } from './frames.ts';
import { isReplyTo, withId, type Query } from './message.ts';

const LONGEST_REPLY = 65_535;

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** Something under way: the outcome comes once, undefined where there is no reply. */
interface Attempt {
  readonly end: (reply: Buffer | undefined) => void;
}

/** What is under way can be ended all together. */
export class Exchanges {
  private readonly attempts = new Set<Attempt>();

  byUdp(query: Query, server: Server, timeoutMs: number): Promise<Buffer | undefined> {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    return this.attempt(
      timeoutMs,
      () => socket.close(),
      (end) => {
        const id = randomInt(0x1_0000);
        socket.on('message', (reply) => {
          // What answers another question is somebody's guess; the right one may still come.
          if (isReplyTo(reply, query, id)) end(reply);
        });
        // Nobody listens there, or no way leads there.
        socket.on('error', () => {
          end(undefined);
        });
        socket.on('connect', () => {
          socket.send(withId(query.message, id));
        });
        socket.connect(server.port, server.address);
      },
    );
  }

  byTcp(query: Query, server: Server, timeoutMs: number): Promise<Buffer | undefined> {
    const socket = connect({ host: server.address, port: server.port });
    return this.attempt(
      timeoutMs,
      () => socket.destroy(),
      (end) => {
        const id = randomInt(0x1_0000);
        const frames = new Frames(LONGEST_REPLY);
        socket.on('data', (chunk) => {
          frames.add(chunk);
          const reply = frames.take();
          // One question, one reply: a server that says something else is not asked on.
          if (reply !== undefined) end(isReplyTo(reply, query, id) ? reply : undefined);
        });
        socket.on('error', () => {
          end(undefined);
        });
        socket.on('close', () => {
          end(undefined);
        });
        socket.write(frame(withId(query.message, id)));
      },
    );
  }

  /** Ends all that is under way, without a reply. */
  close(): void {
    for (const { end } of [...this.attempts]) end(undefined);
  }

  private attempt(
    timeoutMs: number,
    release: () => void,
    begin: (end: Attempt['end']) => void,
  ): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const attempt: Attempt = {
        end: (reply) => {
          if (!this.attempts.delete(attempt)) return;
          clearTimeout(timer);
          release();
          resolve(reply);
        },
      };
      this.attempts.add(attempt);
      const timer = setTimeout(attempt.end, timeoutMs, undefined);
      begin(attempt.end);
    });
  }
}
