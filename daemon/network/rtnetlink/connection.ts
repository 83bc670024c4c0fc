/** Requests to the kernel's network configuration and their answers, rtnetlink(7); synchronous, each far below 1 ms. */
import { errnoName } from '../../../native-bindings/errno.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../../../native-bindings/netlink.ts';
import { MalformedMessage } from './attributes.ts';
import { decodeMessages, decodeOutcome, encodeMessage, FLAG, TYPE, type Message } from './messages.ts';

/** How often a dump is asked for again where things changed while it was told. */
const MOST_DUMPS = 20;

/** What the kernel refused. */
export class NetlinkError extends Error {
  override name = 'NetlinkError';
  readonly errno: number;
  /** Such as "ENODEV". */
  readonly code: string;
  /** The kernel's own words, without a name for the step. */
  readonly words: string | undefined;
  /** Of a batch: which one it was. */
  readonly index: number | undefined;

  constructor(step: string, errno: number, words: string | undefined, index?: number) {
    super(`${step}: ${errnoName(errno)}${words === undefined ? '' : ` (${words})`}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.words = words;
    this.index = index;
  }
}

/** What a socket must do; tests have one that answers as they please. */
export type Transport = Pick<NetlinkSocket, 'send' | 'sendOnThread' | 'receive' | 'close'>;

export interface Request {
  /** For messages: "find the link eth0". */
  readonly step: string;
  readonly type: number;
  readonly body: Uint8Array;
}

/** A request that does something, as one of several. */
export interface Change extends Request {
  /** FLAG.create, FLAG.exclusive, FLAG.replace, FLAG.append. */
  readonly flags?: number;
}

export class Rtnetlink {
  private readonly transport: Transport;
  private sequence = 0;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** `namespace`: a descriptor of a network namespace; without one, this process's own. Throws SystemError. */
  static open(namespace?: number): Rtnetlink {
    return new Rtnetlink(NetlinkSocket.open(NETLINK_ROUTE, { namespace }));
  }

  close(): void {
    this.transport.close();
  }

  /** Does something. `flags`: FLAG.create, FLAG.exclusive. Throws NetlinkError, MalformedMessage. */
  change(request: Request, flags = 0): void {
    this.exchange(request, FLAG.request | FLAG.ack | flags);
  }

  /**
   * Does several things by one datagram, in their order. The kernel goes on after one that it refuses: the error is the
   * first one's, by its step and `index`, and what came after it may have been done. Throws as change does.
   */
  batch(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const first = (this.sequence + 1) >>> 0;
    this.transport.send(this.encodeBatch(changes));
    this.finishBatch(changes, first);
  }

  /** The same, where the kernel takes long: the event loop goes on meanwhile. The connection is nobody else's until then. */
  async batchOnThread(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const first = (this.sequence + 1) >>> 0;
    await this.transport.sendOnThread(this.encodeBatch(changes));
    this.finishBatch(changes, first);
  }

  /** Only the last one is acknowledged; refusals come unasked. */
  private encodeBatch(changes: readonly Change[]): Buffer {
    return Buffer.concat(
      changes.map(({ type, body, flags = 0 }, index) => {
        this.sequence = (this.sequence + 1) >>> 0;
        const asked = FLAG.request | flags | (index === changes.length - 1 ? FLAG.ack : 0);
        return encodeMessage({ type, flags: asked, sequence: this.sequence, body });
      }),
    );
  }

  private finishBatch(changes: readonly Change[], first: number): void {
    let refusal: NetlinkError | undefined;
    for (;;) {
      for (const message of this.next(changes[0]?.step ?? '')) {
        const index = (message.sequence - first) >>> 0;
        const change = changes[index];
        if (change === undefined || message.type !== TYPE.error) continue;
        const { errno, words } = decodeOutcome(message);
        if (errno !== 0) refusal ??= new NetlinkError(change.step, errno, words, index);
        if (index < changes.length - 1) continue;
        if (refusal !== undefined) throw refusal;
        return;
      }
    }
  }

  /** Asks for one thing; the bodies of what came before the acknowledgement. Throws as change does. */
  query(request: Request): Uint8Array[] {
    return this.exchange(request, FLAG.request | FLAG.ack).bodies;
  }

  /** Asks for all things of a kind. Throws as change does; EINTR where they change faster than they can be told. */
  dump(request: Request): Uint8Array[] {
    for (let round = 0; round < MOST_DUMPS; round++) {
      const { bodies, isWhole } = this.exchange(request, FLAG.request | FLAG.dump);
      if (isWhole) return bodies;
    }
    throw new NetlinkError(request.step, 4 /* EINTR */, undefined);
  }

  private exchange({ step, type, body }: Request, flags: number): { bodies: Uint8Array[]; isWhole: boolean } {
    this.sequence = (this.sequence + 1) >>> 0;
    this.transport.send(encodeMessage({ type, flags, sequence: this.sequence, body }));
    const bodies: Uint8Array[] = [];
    let isWhole = true;
    for (;;) {
      for (const message of this.next(step)) {
        // Of a request before, whose answer was not read to its end.
        if (message.sequence !== this.sequence) continue;
        if ((message.flags & FLAG.interrupted) !== 0) isWhole = false;
        if (message.type !== TYPE.error && message.type !== TYPE.done) {
          bodies.push(message.body);
          continue;
        }
        const { errno, words } = decodeOutcome(message);
        if (errno !== 0) throw new NetlinkError(step, errno, words);
        return { bodies, isWhole };
      }
    }
  }

  private next(step: string): Message[] {
    const datagram = this.transport.receive();
    // The kernel answers before send(2) returns: to wait would be to wait for ever.
    if (datagram === undefined) throw new MalformedMessage(`${step}: the kernel's answer has no end`);
    return decodeMessages(datagram);
  }
}
