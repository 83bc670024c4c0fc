/**
 * DNS messages (RFC 1035, 4.1; EDNS: RFC 6891) as far as a server needs them. What comes in is hostile: it is bounded
 * before it is decoded. What goes out begins with the question as it came, byte by byte, whatever is in its name.
 */
import { decode, encode, encodingLength, type Answer } from 'dns-packet';

export const RCODE = { formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;
/** RFC 6891, 6.1.3: the upper eight of its twelve bits are in the OPT record. */
const BAD_VERSION_HIGH = 1;

const HEADER = 12;
const FLAG = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  desired: 0x0100,
  available: 0x0080,
} as const;
const OPCODE = 0x7800;
const RCODE_MASK = 0x000f;
const OPT_SIZE = 11;
/** No question needs more; the limit bounds what decoding may cost. */
export const LONGEST_QUERY = 4096;
/** OPT, and a signature. */
const MOST_ADDITIONALS = 2;
const LONGEST_NAME = 255;

/** The least that anybody takes by UDP (RFC 1035, 4.2.1), and the most that we send. */
const UDP_LEAST = 512;
const UDP_MOST = 4096;
const TCP_MOST = 65_535;

export type Transport = 'udp' | 'tcp';

export interface Query {
  /** As it came. */
  readonly message: Buffer;
  readonly id: number;
  readonly name: string;
  /** Such as "A"; what has no name is "UNKNOWN_65". */
  readonly type: string;
  readonly class: string;
  /** Where the question ends in the message. */
  readonly questionEnd: number;
  readonly edns: { readonly version: number; readonly payload: number } | undefined;
}

/** What cannot be answered is refused with this code; what is no question at all is not answered. */
export type Reading = { readonly query: Query } | { readonly rcode: number } | undefined;

/** Never throws. */
export function readQuery(message: Buffer): Reading {
  if (message.length < HEADER) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & FLAG.response) !== 0) return undefined;
  if ((flags & OPCODE) !== 0) return { rcode: RCODE.notImp };
  const counts = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  const [questions, answers, authorities, additionals = 0] = counts;
  const isPlain = questions === 1 && answers === 0 && authorities === 0 && additionals <= MOST_ADDITIONALS;
  const questionEnd = endOfQuestion(message);
  if (!isPlain || message.length > LONGEST_QUERY || questionEnd === undefined) return { rcode: RCODE.formErr };
  const query = decodeQuery(message, questionEnd);
  return query === undefined ? { rcode: RCODE.formErr } : { query };
}

/** The first name of a message cannot point back to another. */
function endOfQuestion(message: Buffer): number | undefined {
  let at = HEADER;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    at += 1 + length;
    if (at - HEADER > LONGEST_NAME) return undefined;
    if (length === 0) return at + 4 <= message.length ? at + 4 : undefined;
  }
}

/** dns-packet throws errors of several kinds at what it cannot read: all of them mean that, and nothing else is tried. */
function decodeQuery(message: Buffer, questionEnd: number): Query | undefined {
  let packet;
  try {
    packet = decode(message);
  } catch {
    return undefined;
  }
  const question = packet.questions?.[0];
  const options = packet.additionals?.filter((record) => record.type === 'OPT') ?? [];
  const [opt] = options;
  if (question === undefined || options.length > 1) return undefined;
  return {
    message,
    id: message.readUInt16BE(0),
    name: question.name,
    type: question.type,
    class: question.class ?? 'IN',
    questionEnd,
    edns: opt === undefined ? undefined : { version: opt.ednsVersion, payload: opt.udpPayloadSize },
  };
}

/** The longest answer that the asker takes. */
function limitOf(query: Query, transport: Transport): number {
  if (transport === 'tcp') return TCP_MOST;
  return Math.min(UDP_MOST, Math.max(UDP_LEAST, query.edns?.payload ?? UDP_LEAST));
}

/**
 * With as many of `records` as fit; where that is not all of them, it says so and the asker comes again by TCP. Those
 * who cannot (musl before 1.2.4) have some to go on with.
 */
export function answerTo(query: Query, records: readonly Answer[], transport: Transport): Buffer {
  const room = limitOf(query, transport) - query.questionEnd - (query.edns === undefined ? 0 : OPT_SIZE);
  const fitting = fit(records, room);
  const truncated = fitting.length < records.length ? FLAG.truncated : 0;
  // What dns-packet makes begins with a header of its own.
  const body = encode({ type: 'response', answers: [...fitting] }).subarray(HEADER);
  const head = headOf(query, FLAG.authoritative | truncated, fitting.length);
  return Buffer.concat([head, body, ...optOf(query, 0)]);
}

function fit(records: readonly Answer[], room: number): readonly Answer[] {
  let left = room;
  for (const [index, record] of records.entries()) {
    left -= encodingLength({ answers: [record] }) - HEADER;
    if (left < 0) return records.slice(0, index);
  }
  return records;
}

/** An answer without records that says why. */
export function failureOf(query: Query, rcode: number): Buffer {
  return Buffer.concat([headOf(query, rcode, 0), ...optOf(query, 0)]);
}

/** The asker speaks a later EDNS than there is. */
export function badVersionOf(query: Query): Buffer {
  return Buffer.concat([headOf(query, 0, 0), ...optOf(query, BAD_VERSION_HIGH)]);
}

/** Header and question. */
function headOf(query: Query, flags: number, answers: number): Buffer {
  const head = Buffer.from(query.message.subarray(0, query.questionEnd));
  head.writeUInt16BE(FLAG.response | FLAG.available | (head.readUInt16BE(2) & FLAG.desired) | flags, 2);
  head.writeUInt16BE(answers, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(query.edns === undefined ? 0 : 1, 10);
  return head;
}

/** Who asked with EDNS is answered with it. */
function optOf(query: Query, extendedRcode: number): Buffer[] {
  if (query.edns === undefined) return [];
  const opt = Buffer.alloc(OPT_SIZE);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(UDP_MOST, 3);
  opt.writeUInt8(extendedRcode, 5);
  return [opt];
}

/** To a message of which no more than the header could be read. */
export function refusalOf(message: Buffer, rcode: number): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(message.readUInt16BE(0), 0);
  const flags = message.readUInt16BE(2) & (OPCODE | FLAG.desired);
  head.writeUInt16BE(FLAG.response | flags | rcode, 2);
  return head;
}

/** The same question under another number. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** True if `reply` answers the question of `query`, asked under `id`. Servers may spell the name in their own case. */
export function isReplyTo(reply: Buffer, query: Query, id: number): boolean {
  if (reply.length < HEADER || reply.readUInt16BE(0) !== id) return false;
  const flags = reply.readUInt16BE(2);
  if ((flags & FLAG.response) === 0 || (flags & OPCODE) !== 0) return false;
  const { message, questionEnd } = query;
  // Some refuse without saying again what they refuse.
  if (reply.readUInt16BE(4) === 0) return reply.length === HEADER && rcodeOf(reply) !== 0;
  if (reply.readUInt16BE(4) !== 1 || reply.length < questionEnd) return false;
  const typeAt = questionEnd - 4;
  return (
    message.subarray(typeAt, questionEnd).equals(reply.subarray(typeAt, questionEnd)) &&
    message.toString('latin1', HEADER, typeAt).toLowerCase() === reply.toString('latin1', HEADER, typeAt).toLowerCase()
  );
}

export function rcodeOf(reply: Buffer): number {
  return reply.readUInt16BE(2) & RCODE_MASK;
}

export function isTruncated(reply: Buffer): boolean {
  return (reply.readUInt16BE(2) & FLAG.truncated) !== 0;
}

/** What a server of the world outside said, for who asked. One that is longer than the asker takes is cut to its head. */
export function relayed(query: Query, reply: Buffer, transport: Transport): Buffer {
  if (reply.length === HEADER) return failureOf(query, rcodeOf(reply));
  if (reply.length <= limitOf(query, transport)) return withId(reply, query.id);
  return Buffer.concat([headOf(query, FLAG.truncated | rcodeOf(reply), 0), ...optOf(query, 0)]);
}
