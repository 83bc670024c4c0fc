/** The codec of rtnetlink alone: what it writes it reads, and nothing that the other side may send confuses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeAddress, encodeAddress } from '../../../daemon/network/rtnetlink/addresses.ts';
import { decodeAttributes, encodeAttributes, MalformedMessage } from '../../../daemon/network/rtnetlink/attributes.ts';
import { NetlinkError, Rtnetlink, type Transport } from '../../../daemon/network/rtnetlink/connection.ts';
import { decodeLink, encodeLink, findLink, listLinks } from '../../../daemon/network/rtnetlink/links.ts';
import {
  decodeMessages,
  decodeOutcome,
  encodeMessage,
  FLAG,
  TYPE,
  type Message,
} from '../../../daemon/network/rtnetlink/messages.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const bytes = fc.uint8Array({ maxLength: 300 });
const attributes = fc.array(fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), value: bytes }), { maxLength: 12 });
/** As plain arrays: what was decoded is a view of a buffer. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

void test('attributes, messages, links and addresses come back as they went', () => {
  fc.assert(
    fc.property(attributes, (list) => {
      assert.deepEqual(plain(decodeAttributes(encodeAttributes(list))), plain(list));
    }),
  );
  const message = fc.record({ type: u16, flags: u16, sequence: u32, port: u32, body: bytes });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), (list) => {
      assert.deepEqual(plain(decodeMessages(Buffer.concat(list.map(encodeMessage)))), plain(list));
    }),
  );
  const name = fc.stringMatching(/^[a-z0-9._-]{1,15}$/);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fff_ffff }), u32, name, (index, flags, called) => {
      const list = [{ type: 3, value: Buffer.from(`${called}\0`) }];
      const link = decodeLink(encodeLink({ index, flags, change: 0 }, list));
      assert.deepEqual([link.index, link.name, link.isUp], [index, called, (flags & 1) === 1]);
    }),
  );
  const others = attributes.map((list) => list.filter(({ type }) => type !== 8));
  const address = fc.record({ family: u8, prefixLength: u8, flags: u32, scope: u8, link: u32, attributes: others });
  fc.assert(
    fc.property(address, (value) => {
      assert.deepEqual(plain(decodeAddress(encodeAddress(value))), plain(value));
    }),
  );
});

/** Runs to an end, with a value or with MalformedMessage and nothing else. */
function survives(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof MalformedMessage, String(error));
  }
}

void test('no bytes do more than be refused', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Lengths that lie, in otherwise sound messages.
    fc.tuple(attributes, fc.nat(60), u8).map(([list, at, value]) => {
      const sound = encodeMessage({ type: 2, flags: 0x200, sequence: 1, body: encodeAttributes(list) });
      if (at < sound.length) sound[at] = value;
      return sound;
    }),
  );
  fc.assert(
    fc.property(hostile, u16, u16, (input, type, flags) => {
      survives(() => decodeAttributes(input));
      survives(() => decodeLink(input));
      survives(() => decodeAddress(input));
      survives(() => decodeMessages(input).map(decodeOutcome));
      for (const kind of [TYPE.error, TYPE.done, type])
        survives(() => decodeOutcome({ type: kind, flags, sequence: 0, body: input }));
    }),
    { numRuns: 3000 },
  );
  assert.throws(() => decodeAttributes(new Uint8Array(4)), MalformedMessage, 'a length of 0 is no way on');
  assert.throws(() => decodeMessages(new Uint8Array(16)), MalformedMessage);
  assert.throws(() => encodeAttributes([{ type: 1, value: new Uint8Array(65_532) }]), RangeError);
  assert.throws(() => encodeAttributes([{ type: 0x4000, value: new Uint8Array(0) }]), RangeError);
});

/** Answers each request with what `answer` makes of it: datagrams of messages. */
function answering(answer: (sequence: number, round: number) => Message[][]): Rtnetlink & { sent: () => number } {
  let waiting: Buffer[] = [];
  let sent = 0;
  const transport: Transport = {
    send: (request) => {
      const [message] = decodeMessages(request);
      assert.ok(message !== undefined);
      waiting = answer(message.sequence, sent++).map((list) => Buffer.concat(list.map(encodeMessage)));
    },
    sendOnThread: () => Promise.reject(new Error('unused')),
    receive: () => waiting.shift(),
    close: () => undefined,
  };
  return Object.assign(new Rtnetlink(transport), { sent: () => sent });
}

const outcome = (sequence: number, errno: number, words?: string, type: number = TYPE.error): Message => {
  const number = Buffer.alloc(4);
  number.writeInt32LE(-errno);
  const request = type === TYPE.error ? Buffer.alloc(16) : Buffer.alloc(0);
  const said = words === undefined ? [] : [encodeAttributes([{ type: 1, value: Buffer.from(`${words}\0`) }])];
  const flags = FLAG.capped | (words === undefined ? 0 : FLAG.acknowledgementAttributes);
  return { type, flags, sequence, body: Buffer.concat([number, request, ...said]) };
};
const link = (sequence: number, index: number, name: string, flags: number = FLAG.multi): Message => ({
  type: 16,
  flags,
  sequence,
  body: encodeLink({ index, flags: 0, change: 0 }, [{ type: 3, value: Buffer.from(`${name}\0`) }]),
});

void test('a dump goes over several datagrams to its end', () => {
  const connection = answering((sequence) => [
    [link(sequence, 1, 'lo'), link(sequence, 2, 'eth0')],
    [link(sequence, 3, 'eth1')],
    [outcome(sequence, 0, undefined, TYPE.done)],
  ]);
  assert.deepEqual(
    listLinks(connection).map(({ name }) => name),
    ['lo', 'eth0', 'eth1'],
  );
});

void test('a dump during which things changed is taken again, and given up in the end', () => {
  const connection = answering((sequence, round) => [
    [link(sequence, 1, 'lo', round < 2 ? FLAG.multi | FLAG.interrupted : FLAG.multi)],
    [outcome(sequence, 0, undefined, TYPE.done)],
  ]);
  assert.equal(listLinks(connection).length, 1);
  assert.equal(connection.sent(), 3);
  const restless = answering((sequence) => [
    [{ ...outcome(sequence, 0, undefined, TYPE.done), flags: FLAG.interrupted }],
  ]);
  assert.throws(() => listLinks(restless), { name: 'NetlinkError', code: 'EINTR' });
});

void test('refusals bear the name of the step and the words of the kernel', () => {
  const refusing = answering((sequence) => [[outcome(sequence, 16, 'it is somebody else’s')]]);
  assert.throws(
    () => findLink(refusing, 'eth0'),
    (error) =>
      error instanceof NetlinkError &&
      error.code === 'EBUSY' &&
      error.message === 'find the link eth0: EBUSY (it is somebody else’s)',
  );
  assert.equal(
    findLink(
      answering((sequence) => [[outcome(sequence, 19)]]),
      'eth0',
    ),
    undefined,
  );
  const ending = answering((sequence) => [[outcome(sequence, 12, 'no room', TYPE.done)]]);
  assert.throws(() => listLinks(ending), /list the links: ENOMEM \(no room\)/);
});

void test('what belongs to another request is passed over; an answer without an end is told', () => {
  const late = answering((sequence) => [
    [link(sequence + 7, 9, 'old'), outcome(sequence + 7, 1)],
    [link(sequence, 2, 'eth0'), outcome(sequence, 0)],
  ]);
  assert.equal(findLink(late, 'eth0')?.index, 2);
  const silent = answering((sequence) => [[link(sequence, 2, 'eth0')]]);
  assert.throws(() => findLink(silent, 'eth0'), /find the link eth0: the kernel's answer has no end/);
});
