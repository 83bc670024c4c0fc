/**
 * The connection to nf_tables: transactions and questions, synchronous. A transaction is one datagram of
 * NFNL_MSG_BATCH_BEGIN, the changes, NFNL_MSG_BATCH_END; all of it is done or nothing (nfnetlink_rcv_batch() of
 * net/netfilter/nfnetlink.c).
 */
import { SystemError } from '../../../../native-bindings/libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../../../native-bindings/netlink.ts';
import { attribute, MalformedMessage, type Attribute } from '../../rtnetlink/attributes.ts';
import { NetlinkError, Rtnetlink } from '../../rtnetlink/connection.ts';
import { decodeMessages, decodeOutcome, FLAG, TYPE, type Outcome } from '../../rtnetlink/messages.ts';
import { be32, readBe32, type Node } from '../encoding.ts';
import {
  BATCH,
  decodeBody,
  encodeBody,
  encodeDatagram,
  SUBSYSTEM,
  type NetfilterBody,
  type NetfilterMessage,
} from '../nfnetlink.ts';
import type { Change, ChangeMessage } from './change.ts';
import { FAMILY, MESSAGE, messageType, type Family } from './protocol.ts';

const EPERM = 1;
const ENOENT = 2;
const ERESTART = 85;
const ENOBUFS = 105;
/** A batch is one datagram: some 300,000 elements. Nothing is set aside for it. */
const SEND_BUFFER = 32 << 20;
/** How often what was read is read again because somebody changed it meanwhile. */
const MOST_ROUNDS = 20;

/**
 * What the kernel refused, with all of its transaction. `index`: the change's place in it; undefined where it was the
 * transaction at large.
 */
export class TransactionError extends NetlinkError {
  override name = 'TransactionError';
}

export type NftablesSocket = Pick<NetlinkSocket, 'send' | 'sendOnThread' | 'receive' | 'close' | 'port'>;

interface Refusal extends Outcome {
  readonly sequence: number;
}

export class Nftables {
  private readonly socket: NftablesSocket;
  private readonly questions: Rtnetlink;
  /** Of batches; above those of questions. */
  private sequence = 0x8000_0000;

  constructor(socket: NftablesSocket) {
    this.socket = socket;
    this.questions = new Rtnetlink(socket);
  }

  /** `namespace`: a descriptor of a network namespace; without one, this process's own. Throws SystemError. */
  static open(namespace?: number): Nftables {
    return new Nftables(NetlinkSocket.open(NETLINK_NETFILTER, { namespace, sendBuffer: SEND_BUFFER }));
  }

  close(): void {
    this.socket.close();
  }

  /** By which the monitor tells our transactions from others'. */
  port(): number {
    return this.socket.port();
  }

  /**
   * Does all of `changes`, in their order, or nothing. `generation`: only if nothing has changed since (ERESTART). To
   * refuse takes the kernel some 10 ms, as it waits for whoever may see what it takes back (__nf_tables_abort). Throws
   * TransactionError, which names the change and, where the kernel says, the element; SystemError.
   */
  transaction(changes: readonly Change[], generation?: number): void {
    const messages = changes.flatMap((change) => change.messages);
    if (messages.length === 0) return;
    const first = this.sequence;
    // What a question that failed has left unread.
    this.drain();
    this.socket.send(this.encodeBatch(messages, generation));
    const outcomes = this.drain();
    const refused = outcomes.find(({ errno }) => errno !== 0);
    if (refused !== undefined) throw refusal(changes, first, refused);
    // The only acknowledgement that was asked for.
    const last = (first + messages.length) >>> 0;
    if (!outcomes.some(({ sequence }) => sequence === last)) {
      throw new MalformedMessage(`${changes[0]?.step ?? ''}: the kernel does not say whether the transaction is done`);
    }
  }

  private encodeBatch(messages: readonly ChangeMessage[], generation: number | undefined): Buffer {
    const edge = { flags: FLAG.request, family: 0, resource: SUBSYSTEM.nftables };
    // NFNL_BATCH_GENID
    const condition: Node[] = generation === undefined ? [] : [{ type: 1, value: be32(generation) }];
    const batch: NetfilterMessage[] = [{ ...edge, type: BATCH.begin, attributes: condition }, ...messages];
    const last = messages.at(-1);
    if (last !== undefined) batch[messages.length] = { ...last, flags: last.flags | FLAG.ack };
    batch.push({ ...edge, type: BATCH.end, attributes: [] });
    const datagram = encodeDatagram(batch, this.sequence);
    this.sequence = (0x8000_0000 | (this.sequence + batch.length)) >>> 0;
    return datagram;
  }

  /** What the kernel says, all of it: it has done its work before send(2) returned. */
  private drain(): Refusal[] {
    const outcomes: Refusal[] = [];
    for (;;) {
      const datagram = this.receive();
      if (datagram === undefined) return outcomes;
      for (const message of decodeMessages(datagram)) {
        if (message.type === TYPE.error) outcomes.push({ ...decodeOutcome(message), sequence: message.sequence });
      }
    }
  }

  private receive(): Buffer | undefined {
    for (;;) {
      try {
        return this.socket.receive();
      } catch (error) {
        // Hundreds of refusals have not all had room. The first one has, and is all that matters.
        if (!(error instanceof SystemError && error.errno === ENOBUFS)) throw error;
      }
    }
  }

  /** Goes up by one with every transaction of anybody in the namespace. Throws NetlinkError. */
  generation(): number {
    const type = messageType(MESSAGE.getGeneration);
    const [body] = this.questions.query({ step: 'ask for the generation of nf_tables', type, body: encodeBody(0, []) });
    // NFTA_GEN_ID
    const id = body === undefined ? undefined : attribute(decodeBody(body).attributes, 1);
    if (id === undefined) throw new MalformedMessage('a generation of nf_tables without a number');
    return readBe32(id);
  }

  /**
   * A transaction that comes from what there is: `compute` reads and says what to change; where somebody changes
   * anything meanwhile, it is asked again. Throws as transaction does: ERESTART where they never rest.
   */
  update(compute: () => readonly Change[]): void {
    for (let round = 1; ; round++) {
      const generation = this.generation();
      try {
        this.transaction(compute(), generation);
        return;
      } catch (error) {
        if (!(error instanceof NetlinkError && error.errno === ERESTART) || round === MOST_ROUNDS) throw error;
      }
    }
  }

  /**
   * All objects of a kind; [] where there is no such table or set. `family`: "inet" by itself, undefined: of all. Throws
   * NetlinkError.
   */
  dump(step: string, operation: number, family: Family | undefined, attributes: readonly Node[] = []): NetfilterBody[] {
    const body = encodeBody(family === undefined ? 0 : FAMILY[family], attributes);
    try {
      return this.questions.dump({ step, type: messageType(operation), body }).map(decodeBody);
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === ENOENT) return [];
      throw error;
    }
  }
}

function refusal(changes: readonly Change[], first: number, refused: Refusal): TransactionError {
  const { errno, words, offset } = refused;
  // The first message is the batch's beginning.
  let at = ((refused.sequence - first) >>> 0) - 1;
  for (const [index, { step, messages }] of changes.entries()) {
    const message = messages[at];
    if (at < 0) break;
    if (message === undefined) {
      at -= messages.length;
      continue;
    }
    const part = offset === undefined ? undefined : message.partAt?.(offset);
    return new TransactionError(part === undefined ? step : `${step}: ${part}`, errno, words, index);
  }
  const why = errno === EPERM ? 'CAP_NET_ADMIN is missing' : words;
  return new TransactionError(`a transaction of ${changes.length} changes of nf_tables`, errno, why);
}

/** What the questions here read of an attribute. */
export function read<T>(attributes: readonly Attribute[], type: number, decode: (value: Uint8Array) => T): T {
  const value = attribute(attributes, type);
  if (value === undefined) throw new MalformedMessage(`an object of nf_tables without attribute ${type}`);
  return decode(value);
}
