/**
 * Messages of netlink, struct nlmsghdr of netlink(7): u32 length (header included), u16 type, u16 flags, u32 sequence,
 * u32 port; padding to four bytes.
 */
import { aligned, decodeAttributes, MalformedMessage, optional, readText, readU32, viewOf } from './attributes.ts';

export interface Message {
  readonly type: number;
  readonly flags: number;
  /** The request's, in an answer. */
  readonly sequence: number;
  /** Of what a multicast group is told: the socket that did it (NetlinkSocket.port), 0 for the kernel itself. */
  readonly port?: number;
  readonly body: Uint8Array;
}

const HEADER_SIZE = 16;

/** include/uapi/linux/netlink.h. */
export const TYPE = { error: 2, done: 3 } as const;
export const FLAG = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  /** Of a dump during which things changed. */
  interrupted: 0x10,
  /** Of a request that makes: in place of one there is; it must not exist; make it where it does not; beside others. */
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** Of a request that asks: all there is (NLM_F_ROOT | NLM_F_MATCH). */
  dump: 0x300,
  /** Of an error or an end: without the request, and with attributes. */
  capped: 0x100,
  acknowledgementAttributes: 0x200,
} as const;

const MESSAGE_TEXT = 1; // NLMSGERR_ATTR_MSG
const MESSAGE_OFFSET = 2; // NLMSGERR_ATTR_OFFS

export function encodeMessage({ type, flags, sequence, port = 0, body }: Message): Buffer {
  const size = HEADER_SIZE + body.length;
  const bytes = Buffer.alloc(aligned(size));
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeUInt32LE(port, 12);
  bytes.set(body, HEADER_SIZE);
  return bytes;
}

/** The messages of one datagram. Throws MalformedMessage. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER_SIZE <= bytes.length) {
    const size = view.getUint32(at, true);
    if (size < HEADER_SIZE || size > bytes.length - at) {
      throw new MalformedMessage(`a message of ${size} bytes where ${bytes.length - at} are left`);
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: bytes.subarray(at + HEADER_SIZE, at + size),
    });
    at += aligned(size);
  }
  if (at < bytes.length) throw new MalformedMessage(`${bytes.length - at} bytes after the last message`);
  return messages;
}

export interface Outcome {
  /** Positive; 0 is success. */
  readonly errno: number;
  /** The kernel's own words, such as "Device or resource busy"; undefined where it says none. */
  readonly words: string | undefined;
  /** Where the attribute that it refused begins, from the start of the request; undefined where it does not say. */
  readonly offset: number | undefined;
}

/** What a message of the type `error` or `done` says: s32 -errno, for `error` the request's header (and body), attributes. */
export function decodeOutcome({ type, flags, body }: Message): Outcome {
  if (body.length < 4) {
    if (type === TYPE.done) return { errno: 0, words: undefined, offset: undefined };
    throw new MalformedMessage(`an error of ${body.length} bytes`);
  }
  const view = viewOf(body);
  const errno = -view.getInt32(0, true);
  if (errno < 0) throw new MalformedMessage(`an error of the number ${-errno}`);
  if ((flags & FLAG.acknowledgementAttributes) === 0) return { errno, words: undefined, offset: undefined };
  let start = 4;
  if (type === TYPE.error) {
    if (body.length < 4 + HEADER_SIZE) throw new MalformedMessage(`an error of ${body.length} bytes`);
    start += (flags & FLAG.capped) === 0 ? aligned(view.getUint32(4, true)) : HEADER_SIZE;
    if (start > body.length) throw new MalformedMessage('an error whose request is longer than itself');
  }
  const attributes = decodeAttributes(body.subarray(start));
  return {
    errno,
    words: optional(attributes, MESSAGE_TEXT, readText),
    offset: optional(attributes, MESSAGE_OFFSET, readU32),
  };
}
