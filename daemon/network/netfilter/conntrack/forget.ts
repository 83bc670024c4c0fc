/** Deletes entries of connection tracking: IPCTNL_MSG_CT_GET with a filter, IPCTNL_MSG_CT_DELETE by tuple and id. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../../../native-bindings/netlink.ts';
import { MalformedMessage } from '../../rtnetlink/attributes.ts';
import { NetlinkError } from '../../rtnetlink/connection.ts';
import { decodeMessages, decodeOutcome, encodeMessage, FLAG, TYPE, type Message } from '../../rtnetlink/messages.ts';
import { encodeBody, encodeDatagram, SUBSYSTEM, typeOf } from '../nfnetlink.ts';
import { decodeFlow, encodeFilter, satisfies, type Flow, type FlowFilter } from './flows.ts';
import type { FlowMatch } from './matches.ts';

/** IPCTNL_MSG_CT_*. */
const MESSAGE = { get: 1, delete: 2, statistics: 5 } as const;
/** AF_*. */
const FAMILY = { 4: 2, 6: 10 } as const;
const ENOENT = 2;
const EINVAL = 22;
/** Deletions in one datagram, and one turn of the event loop. */
const MOST_AT_ONCE = 64;

export type ConntrackSocket = Pick<NetlinkSocket, 'send' | 'sendOnThread' | 'receive' | 'close'>;

export interface Forgotten {
  readonly count: number;
  /** Why nothing could be looked for; undefined where it could. */
  readonly reason: string | undefined;
}

/**
 * Deletes what `match` says. The kernel walks all that it tracks, on a thread; the event loop is held only by what it
 * finds. `namespace`: a descriptor of a network namespace, used before this returns its promise; without one, this
 * process's own. Rejects with NetlinkError, MalformedMessage; throws SystemError.
 */
export function forgetFlows(match: FlowMatch, namespace?: number): Promise<Forgotten> {
  return forgetBy(NetlinkSocket.open(NETLINK_NETFILTER, { namespace }), match);
}

/** Tells what forgetFlows would delete. */
export async function listFlows(match: FlowMatch, namespace?: number): Promise<Flow[]> {
  const socket = NetlinkSocket.open(NETLINK_NETFILTER, { namespace });
  try {
    return await find(socket, match);
  } finally {
    socket.close();
  }
}

/** Closes the socket. */
export async function forgetBy(socket: ConntrackSocket, match: FlowMatch): Promise<Forgotten> {
  try {
    const flows = await find(socket, match);
    let count = 0;
    for (let at = 0; at < flows.length; at += MOST_AT_ONCE) {
      if (at > 0) await nextTurn();
      count += deleteFlows(socket, FAMILY[match.family], flows.slice(at, at + MOST_AT_ONCE));
    }
    return { count, reason: undefined };
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === EINVAL && !hasTracking(socket)) {
      return { count: 0, reason: 'the kernel has no connection tracking to ask (nf_conntrack_netlink)' };
    }
    throw error;
  } finally {
    socket.close();
  }
}

async function find(socket: ConntrackSocket, match: FlowMatch): Promise<Flow[]> {
  const found: Flow[] = [];
  for (const [index, filter] of match.filters.entries()) {
    await dump(socket, FAMILY[match.family], filter, index + 1, (flow) => {
      if (satisfies(flow, filter) && match.matches(flow)) found.push(flow);
    });
  }
  return found;
}

async function dump(
  socket: ConntrackSocket,
  family: number,
  filter: FlowFilter,
  sequence: number,
  tell: (flow: Flow) => void,
): Promise<void> {
  const type = typeOf(SUBSYSTEM.conntrack, MESSAGE.get);
  const body = encodeBody(family, encodeFilter(filter));
  await socket.sendOnThread(encodeMessage({ type, flags: FLAG.request | FLAG.dump, sequence, body }));
  for (;;) {
    for (const message of next(socket)) {
      if (message.sequence !== sequence) continue;
      if (message.type === TYPE.error || message.type === TYPE.done) {
        const { errno, words } = decodeOutcome(message);
        if (errno !== 0) throw new NetlinkError('list tracked connections', errno, words);
        return;
      }
      tell(decodeFlow(message.body));
    }
    await nextTurn();
  }
}

function next(socket: ConntrackSocket): Message[] {
  const datagram = socket.receive();
  if (datagram === undefined) throw new MalformedMessage('the kernel does not tell all tracked connections');
  return decodeMessages(datagram);
}

/** How many of them were there to be deleted. Throws NetlinkError. */
function deleteFlows(socket: ConntrackSocket, family: number, flows: readonly Flow[]): number {
  const type = typeOf(SUBSYSTEM.conntrack, MESSAGE.delete);
  const flags = FLAG.request | FLAG.ack;
  const messages = flows.map(({ identity }) => ({ type, flags, family, attributes: identity }));
  socket.send(encodeDatagram(messages, 0x8000_0000));
  let told = 0;
  let deleted = 0;
  while (told < messages.length) {
    for (const message of next(socket)) {
      if (message.type !== TYPE.error || message.sequence < 0x8000_0000) continue;
      const { errno, words } = decodeOutcome(message);
      // ENOENT: it has ended by itself.
      if (errno !== 0 && errno !== ENOENT) throw new NetlinkError('forget a tracked connection', errno, words);
      told++;
      if (errno === 0) deleted++;
    }
  }
  return deleted;
}

/** Whether ctnetlink is there: without it, nfnetlink knows no such message (nfnetlink_rcv_msg). */
function hasTracking(socket: ConntrackSocket): boolean {
  const type = typeOf(SUBSYSTEM.conntrack, MESSAGE.statistics);
  const sequence = 0x7fff_ffff;
  socket.send(encodeMessage({ type, flags: FLAG.request | FLAG.ack, sequence, body: encodeBody(0, []) }));
  for (;;) {
    for (const message of next(socket)) {
      if (message.sequence === sequence && message.type === TYPE.error) return decodeOutcome(message).errno !== EINVAL;
    }
  }
}
