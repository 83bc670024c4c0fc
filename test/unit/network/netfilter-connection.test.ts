/** What becomes of the kernel's answers, which here are whatever a test wants them to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { forgetBy } from '../../../daemon/network/netfilter/conntrack/forget.ts';
import { ofAddress } from '../../../daemon/network/netfilter/conntrack/matches.ts';
import { encodeBody } from '../../../daemon/network/netfilter/nfnetlink.ts';
import {
  Nftables,
  TransactionError,
  type NftablesSocket,
} from '../../../daemon/network/netfilter/nftables/connection.ts';
import { addElements } from '../../../daemon/network/netfilter/nftables/elements.ts';
import { listElements } from '../../../daemon/network/netfilter/nftables/list-elements.ts';
import { listChains, listRules, listSets, listTables } from '../../../daemon/network/netfilter/nftables/list.ts';
import { addChain, addTable, deleteTable } from '../../../daemon/network/netfilter/nftables/objects.ts';
import { encodeAttributes, MalformedMessage, u32 } from '../../../daemon/network/rtnetlink/attributes.ts';
import { NetlinkError } from '../../../daemon/network/rtnetlink/connection.ts';
import { decodeMessages, encodeMessage, FLAG, TYPE, type Message } from '../../../daemon/network/rtnetlink/messages.ts';
import { SystemError } from '../../../native-bindings/libc.ts';

const TABLE = { family: 'inet', table: 'ours' } as const;
const PORTS = { name: 'ports', key: ['inet_service'] } as const;
const ENOBUFS = 105;

type Answer = Buffer | Error;

/** A socket that answers each datagram with what `answer` makes of its messages. */
class FakeSocket implements NftablesSocket {
  readonly sent: Message[][] = [];
  isClosed = false;
  private readonly answer: (messages: Message[]) => Answer[];
  private readonly waiting: Answer[] = [];

  constructor(answer: (messages: Message[]) => Answer[]) {
    this.answer = answer;
  }

  send(bytes: Uint8Array): void {
    const messages = decodeMessages(Buffer.from(bytes));
    this.sent.push(messages);
    this.waiting.push(...this.answer(messages));
  }

  sendOnThread(bytes: Uint8Array): Promise<void> {
    this.send(bytes);
    return Promise.resolve();
  }

  receive(): Buffer | undefined {
    const next = this.waiting.shift();
    if (next instanceof Error) throw next;
    return next;
  }

  port(): number {
    return 7;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** The kernel's answer to one message. */
function outcome(sequence: number, errno: number, offset?: number): Buffer {
  const code = Buffer.alloc(4);
  code.writeInt32LE(-errno);
  const details = offset === undefined ? [] : [{ type: 2, value: u32(offset) }];
  const flags = FLAG.capped | (offset === undefined ? 0 : FLAG.acknowledgementAttributes);
  const body = Buffer.concat([code, Buffer.alloc(16), encodeAttributes(details)]);
  return encodeMessage({ type: TYPE.error, flags, sequence, body });
}

const CHANGES = [
  deleteTable(TABLE, { tolerant: true }),
  addTable(TABLE),
  addElements(TABLE, PORTS, [{ key: [1] }, { key: [2] }]),
  addChain(TABLE, 'last'),
];

/** What the transaction of CHANGES throws where its message `index` is answered so. */
function refusal(answers: (sequences: number[]) => Answer[]): unknown {
  const socket = new FakeSocket((messages) => answers(messages.map(({ sequence }) => sequence)));
  try {
    new Nftables(socket).transaction(CHANGES);
    return undefined;
  } catch (error) {
    return error;
  }
}

void test('a transaction is a batch, and only its last change is acknowledged', () => {
  const socket = new FakeSocket((messages) => [outcome(messages.at(-2)!.sequence, 0)]);
  new Nftables(socket).transaction(CHANGES);
  const [batch = []] = socket.sent;
  assert.deepEqual(batch.map(({ type }) => type), [16, 0xa00, 0xa02, 0xa00, 0xa0c, 0xa03, 17]); // prettier-ignore
  assert.deepEqual(batch.map(({ flags }) => (flags & FLAG.ack) !== 0), [false, false, false, false, false, true, false]); // prettier-ignore
  assert.deepEqual([...(batch[0]?.body ?? [])], [0, 0, 0, 10]);
  new Nftables(socket).transaction([]);
  assert.equal(socket.sent.length, 1);
});

void test('a refusal is given to the change whose message it was, and to its part', () => {
  for (const [message, index, step] of [
    [1, 0, 'delete the table inet ours'],
    [2, 0, 'delete the table inet ours'],
    [3, 1, 'add the table inet ours'],
    [4, 2, 'add 2 elements to the set ports of inet ours'],
    [5, 3, 'add the chain last of inet ours'],
  ] as const) {
    const error = refusal((sequences) => [outcome(sequences[message]!, 17), outcome(sequences[5]!, 0)]);
    assert.ok(error instanceof TransactionError);
    assert.deepEqual([error.index, error.message, error.code], [index, `${step}: EEXIST`, 'EEXIST']);
  }
  // Header, family, table and set: 20 + 12 + 12, the list's own header, and one element of 16.
  const part = refusal((sequences) => [outcome(sequences[4]!, 2, 20 + 12 + 12 + 4 + 20)]);
  assert.match(String(part), /: add 2 elements to the set ports of inet ours: the element 2: ENOENT$/);
});

void test('of several refusals the first counts, and the transaction at large is nobody else', () => {
  const first = refusal((sequences) => [
    outcome(sequences[3]!, 17),
    new SystemError('recvfrom', ENOBUFS),
    outcome(sequences[5]!, 2),
  ]);
  assert.match(String(first), /add the table inet ours: EEXIST/);
  const whole = refusal((sequences) => [outcome(sequences[0]!, 1)]);
  assert.ok(whole instanceof TransactionError);
  assert.equal(whole.index, undefined);
  assert.match(whole.message, /^a transaction of 4 changes of nf_tables: EPERM \(CAP_NET_ADMIN is missing\)$/);
  assert.ok(refusal(() => []) instanceof MalformedMessage);
  assert.ok(refusal(() => [new SystemError('recvfrom', 9)]) instanceof SystemError);
});

void test('a read that somebody disturbs is made again, but not for ever', () => {
  let generation = 0;
  const restless = new FakeSocket((messages) => {
    const { type, sequence } = messages[0]!;
    if (type !== 0xa10) return [outcome(sequence, 85)];
    const number = Buffer.from([0, 0, 0, ++generation]);
    const body = Buffer.concat([encodeBody(0, [{ type: 1, value: number }])]);
    return [encodeMessage({ type: 0xa0f, flags: 0, sequence, body }), outcome(sequence, 0)];
  });
  assert.throws(() => new Nftables(restless).update(() => [addTable(TABLE)]), { code: 'ERESTART' });
  assert.equal(generation, 20);
});

void test('whatever the kernel tells of its objects, the lists run to an end', () => {
  const attributes = fc.array(
    fc.record({ type: fc.integer({ min: 1, max: 17 }), value: fc.oneof(fc.uint8Array({ maxLength: 24 }), fc.constant(Buffer.from('ours\0'))) }),
    { maxLength: 10 },
  ); // prettier-ignore
  fc.assert(
    fc.property(attributes, fc.integer({ min: 0, max: 12 }), (list, family) => {
      const named = [{ type: 1, value: Buffer.from('ours\0') }, ...list];
      const answer = (messages: Message[]): Answer[] =>
        messages.flatMap(({ sequence }) => [
          encodeMessage({ type: 0xa00, flags: FLAG.multi, sequence, body: encodeBody(family, list) }),
          encodeMessage({ type: 0xa00, flags: FLAG.multi, sequence, body: encodeBody(1, named) }),
          encodeMessage({ type: TYPE.done, flags: FLAG.multi, sequence, body: Buffer.alloc(4) }),
        ]);
      const nftables = new Nftables(new FakeSocket(answer));
      for (const list of [
        () => listTables(nftables),
        () => listChains(nftables, TABLE),
        () => listRules(nftables, TABLE),
        () => listSets(nftables, TABLE),
        () => listElements(nftables, TABLE, PORTS),
      ]) {
        try {
          list();
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error));
        }
      }
    }),
  );
});

void test('a kernel without connection tracking has nothing to forget, and says so', async () => {
  const absent = new FakeSocket((messages) => messages.map(({ sequence }) => outcome(sequence, 22)));
  const { count, reason } = await forgetBy(absent, ofAddress('10.0.0.1'));
  assert.equal(count, 0);
  assert.match(reason ?? '', /no connection tracking/);
  assert.ok(absent.isClosed);
  // One that has it and does not like the question.
  const strict = new FakeSocket((messages) =>
    messages.map(({ type, sequence }) => outcome(sequence, type === 0x105 ? 0 : 22)),
  );
  await assert.rejects(forgetBy(strict, ofAddress('10.0.0.1')), NetlinkError);
  assert.ok(strict.isClosed);
});
