/** The codecs of nf_tables and ctnetlink alone: what they write they read, and nothing that may come confuses them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress } from '../../../daemon/network/address.ts';
import { decodeFlow, encodeFilter, satisfies } from '../../../daemon/network/netfilter/conntrack/flows.ts';
import { heldBy, missedBy, ofAddress } from '../../../daemon/network/netfilter/conntrack/matches.ts';
import {
  be16,
  be32,
  be64,
  byte,
  encodeNodes,
  readBe16,
  readBe32,
  readBe64,
  sizeOfNodes,
  type Node,
} from '../../../daemon/network/netfilter/encoding.ts';
import { decodeBody, encodeBody, encodeDatagram } from '../../../daemon/network/netfilter/nfnetlink.ts';
import { commentDatum, encodeUserData, readComment } from '../../../daemon/network/netfilter/nftables/comment.ts';
import { addElements, type Element } from '../../../daemon/network/netfilter/nftables/elements.ts';
import { elementsOf, readElement } from '../../../daemon/network/netfilter/nftables/list-elements.ts';
import { concatenated, constant, meta, payload } from '../../../daemon/network/netfilter/nftables/loads.ts';
import { TransactionReader } from '../../../daemon/network/netfilter/nftables/notifications.ts';
import type { SetShape } from '../../../daemon/network/netfilter/nftables/sets.ts';
import {
  decodeValues,
  encodeValues,
  sizeOf,
  typeNumber,
  typesOfNumber,
  type Value,
  type ValueType,
} from '../../../daemon/network/netfilter/nftables/values.ts';
import { decodeData, valueData, verdictData } from '../../../daemon/network/netfilter/nftables/verdicts.ts';
import { decodeAttributes, MalformedMessage, type Attribute } from '../../../daemon/network/rtnetlink/attributes.ts';
import { decodeMessages } from '../../../daemon/network/rtnetlink/messages.ts';

const TABLE = { family: 'inet', table: 'ours' } as const;
const bytes = fc.uint8Array({ maxLength: 200 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const four = u32.map((value) => formatAddress({ family: 4, value: BigInt(value) }));
const six = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => formatAddress({ family: 6, value }));
const name = fc.stringMatching(/^[a-z0-9._-]{1,15}$/);
const named = (...words: string[]): fc.Arbitrary<Value> => fc.constantFrom(...words);

const VALUES: Readonly<Record<ValueType, fc.Arbitrary<Value>>> = {
  nf_proto: fc.oneof(named('ipv4', 'ipv6'), fc.integer({ min: 100, max: 255 })),
  ipv4_addr: four,
  ipv6_addr: six,
  inet_proto: fc.oneof(named('tcp', 'udp', 'sctp', 'icmp', 'icmpv6'), fc.integer({ min: 200, max: 255 })),
  inet_service: u16,
  mark: u32,
  iface_index: u32,
  ct_state: fc.oneof(named('established', 'new'), fc.integer({ min: 100, max: 0xffff_ffff })),
  ct_dir: named('original', 'reply'),
  ct_status: fc.oneof(named('dnat', 'dying'), fc.integer({ min: 1000, max: 0xffff_ffff })),
  fib_addrtype: named('local', 'unicast', 'multicast'),
  ifname: name,
};
const type = fc.constantFrom(...(Object.keys(VALUES) as ValueType[]));
/** Types that fit into a key of at most 64 bytes, and values of them. */
const typed = fc.array(type, { minLength: 1, maxLength: 4 }).chain((types) =>
  fc.record({ types: fc.constant(types), values: fc.tuple(...types.map((each) => VALUES[each])) }),
); // prettier-ignore

/** Runs to an end, with a value or with MalformedMessage and nothing else. */
function survives(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof MalformedMessage, String(error));
  }
}

/** Attributes as a tree again, where the type says that it nests. */
interface Tree {
  readonly type: number;
  readonly value: readonly number[] | readonly Tree[];
}
const treeOf = (node: Node): Tree => ({
  type: node.type,
  value: node.value instanceof Uint8Array ? [...node.value] : node.value.map(treeOf),
});
function treeFrom(list: readonly Attribute[], like: readonly Node[]): Tree[] {
  return list.map(({ type: number, value }, index) => {
    const asked = like[index]?.value;
    const isNested = asked !== undefined && !(asked instanceof Uint8Array);
    return { type: number, value: isNested ? treeFrom(decodeAttributes(value), asked) : [...value] };
  });
}

const { nodes } = fc.letrec<{ nodes: Node[] }>((tie) => ({
  nodes: fc.array(
    fc.record({
      type: fc.integer({ min: 1, max: 0x3fff }),
      value: fc.oneof({ depthSize: 'small' }, bytes, tie('nodes')),
    }),
    { maxLength: 5 },
  ),
}));

void test('attributes within attributes come back as they went, and have the size that was foretold', () => {
  fc.assert(
    fc.property(nodes, (list) => {
      const encoded = encodeNodes(list);
      assert.equal(encoded.length, sizeOfNodes(list));
      assert.deepEqual(treeFrom(decodeAttributes(encoded), list), list.map(treeOf));
    }),
  );
  assert.throws(() => encodeNodes([{ type: 1, value: new Uint8Array(65_532) }]), RangeError);
  assert.throws(() => encodeNodes([{ type: 0x4000, value: new Uint8Array() }]), RangeError);
});

void test('numbers, messages and their headers come back as they went', () => {
  fc.assert(
    fc.property(u16, u32, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (small, middle, large) => {
      assert.deepEqual([readBe16(be16(small)), readBe32(be32(middle)), readBe64(be64(large))], [small, middle, large]);
    }),
  );
  assert.equal(readBe32(be32(-100)) | 0, -100);
  const message = fc.record({
    type: u16,
    flags: u16,
    family: fc.integer({ min: 0, max: 255 }),
    resource: u16,
    attributes: nodes,
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), u32, (messages, sequence) => {
      const decoded = decodeMessages(encodeDatagram(messages, sequence));
      assert.equal(decoded.length, messages.length);
      for (const [index, { type: number, flags, sequence: own, body }] of decoded.entries()) {
        const asked = messages[index]!;
        assert.deepEqual([number, flags, own], [asked.type, asked.flags, (sequence + index) >>> 0]);
        const { family, resource, attributes } = decodeBody(body);
        assert.deepEqual([family, resource], [asked.family, asked.resource]);
        assert.deepEqual(treeFrom(attributes, asked.attributes), asked.attributes.map(treeOf));
      }
    }),
  );
});

void test('values, verdicts, comments and types come back as they went', () => {
  fc.assert(
    fc.property(typed, ({ types, values }) => {
      const encoded = encodeValues(types, values);
      assert.equal(encoded.length, sizeOf(types));
      assert.deepEqual(decodeValues(types, encoded), values);
      assert.deepEqual(typesOfNumber(typeNumber(types)), types);
      const data = decodeData(encodeNodes(valueData(encoded)));
      assert.deepEqual([...('value' in data ? data.value : [])], [...encoded]);
    }),
  );
  for (const verdict of ['accept', 'drop', 'continue', 'return', { jump: 'a' }, { goto: 'b' }] as const) {
    assert.deepEqual(decodeData(encodeNodes(verdictData(verdict))), { verdict });
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }).filter((text) => !text.includes('\0')), bytes, (text, other) => {
      const before = { type: 9, value: other };
      assert.equal(readComment(encodeUserData([before, commentDatum(7, text)]), 7), text.toWellFormed());
    }),
  ); // prettier-ignore
});

/** The elements that messages carry, read as the kernel's answer would be. */
function carried(shape: SetShape, elements: readonly Element[]): Element[] {
  const { messages } = addElements(TABLE, shape, elements);
  const raw = decodeMessages(encodeDatagram(messages, 1)).flatMap(({ body }) => {
    assert.ok(body.length < 0x1_0000);
    const list = decodeBody(body).attributes.find((attribute) => attribute.type === 3);
    return decodeAttributes(list!.value).map(({ value }) => readElement(shape, decodeAttributes(value)));
  });
  return elementsOf(shape, raw);
}

void test('elements come back as they went, in as many messages as they need', () => {
  fc.assert(
    fc.property(typed, typed, fc.integer({ min: 1, max: 3 }), (key, data, count) => {
      const map: SetShape = { name: 'map', key: key.types, data: data.types };
      const elements = Array.from({ length: count }, () => ({ key: key.values, data: data.values, comment: 'one' }));
      assert.deepEqual(carried(map, elements), elements);
      const set: SetShape = { name: 'set', key: key.types };
      assert.deepEqual(carried(set, [{ key: key.values }]), [{ key: key.values }]);
    }),
  );
  const ports: SetShape = { name: 'ports', key: ['inet_proto', 'inet_service'], data: 'verdict' };
  const many = Array.from({ length: 5000 }, (_, port): Element => ({ key: ['tcp', port], data: { jump: 'further' } }));
  assert.deepEqual(carried(ports, many), many);
  assert.ok(addElements(TABLE, ports, many).messages.length > 1);
});

void test('ranges come back as they went, of one field or several', () => {
  const cuts = fc.uniqueArray(u32, { minLength: 2, maxLength: 12 }).map((list) => list.toSorted((a, b) => a - b));
  const set: SetShape = { name: 'set', key: ['mark'], interval: true };
  const addresses: SetShape = { name: 'set', key: ['ipv4_addr'], interval: true };
  const pairs: SetShape = { name: 'set', key: ['ipv4_addr', 'inet_service'], interval: true };
  const text = (value: number): string => formatAddress({ family: 4, value: BigInt(value) });
  fc.assert(
    fc.property(cuts, u16, (list, port) => {
      const ranges = Array.from({ length: Math.floor(list.length / 2) }, (_, index) => ({
        from: text(list[2 * index]!),
        to: text(list[2 * index + 1]!),
      }));
      assert.deepEqual(carried(addresses, ranges.map((range) => ({ key: [range] }))), ranges.map((range) => ({ key: [range] }))); // prettier-ignore
      const both = ranges.map((range): Element => ({ key: [range, port] }));
      assert.deepEqual(carried(pairs, both), both);
    }),
  );
  for (const edge of [0, 1, 0xffff_fffe, 0xffff_ffff]) {
    assert.deepEqual(carried(addresses, [{ key: [text(edge)] }]), [{ key: [text(edge)] }]);
  }
  assert.deepEqual(carried(set, [{ key: [7], comment: 'seven' }]).length, 1);
  assert.deepEqual(carried(addresses, [{ key: ['0.0.0.0/0'] }]), [
    { key: [{ from: '0.0.0.0', to: '255.255.255.255' }] },
  ]);
});

void test('a part of a message is found by where it lies', () => {
  const ports: SetShape = { name: 'ports', key: ['inet_proto', 'inet_service'] };
  const change = addElements(TABLE, ports, [{ key: ['tcp', 1] }, { key: ['udp', 2] }, { key: ['tcp', 3] }]);
  const [message] = change.messages;
  const datagram = encodeDatagram(change.messages, 1);
  for (const [needle, element] of [[2, 'udp . 2'], [3, 'tcp . 3']] as const) {
    const at = datagram.indexOf(Buffer.from([0, needle, 0, 0]), 60);
    assert.equal(message?.partAt?.(at), `the element ${element}`);
  } // prettier-ignore
  assert.equal(message?.partAt?.(20), undefined);
  assert.equal(message?.partAt?.(100_000), undefined);
});

void test('what does not fit is refused', () => {
  const wide = constant(['ipv6_addr'], ['::1']);
  assert.throws(() => concatenated([wide, wide, wide, wide, meta('mark')]), RangeError);
  assert.equal(concatenated([payload('ip saddr'), payload('th dport')]).into(8).length, 2);
  for (const [types, values] of [
    [['ipv4_addr'], ['::1']],
    [['inet_proto'], ['constructor']],
    [['inet_service'], [-1]],
    [['inet_service'], [1.5]],
    [['inet_service'], [65_536]],
    [['mark'], [2 ** 32]],
    [['ifname'], ['']],
    [['ifname'], ['a\0b']],
    [['ifname'], [5]],
    [['ifname', 'mark'], ['a']],
    [[], []],
  ] as const) {
    assert.throws(() => encodeValues(types, values), RangeError);
  }
});

void test('no bytes confuse the readers', () => {
  const hostile = fc.oneof(bytes, nodes.map((list) => encodeNodes(list)), nodes.map((list) => encodeBody(1, list))); // prettier-ignore
  const shapes: SetShape[] = [
    { name: 'a', key: ['ipv4_addr'], interval: true },
    { name: 'b', key: ['ifname', 'mark'], data: ['ipv6_addr'] },
    { name: 'c', key: ['inet_service'], data: 'verdict' },
  ];
  fc.assert(
    fc.property(hostile, fc.integer({ min: 0, max: 30 }), (input, operation) => {
      survives(() => decodeBody(input));
      survives(() => decodeData(input));
      survives(() => decodeFlow(input));
      readComment(input, 0);
      for (const shape of shapes) {
        survives(() => elementsOf(shape, [readElement(shape, decodeAttributes(input))]));
      }
      const reader = new TransactionReader(TABLE, () => false);
      survives(() => reader.take({ type: (10 << 8) | operation, flags: 0, sequence: 0, body: input }));
      survives(() => reader.take({ type: operation, flags: 0, sequence: 0, body: input }));
    }),
    { numRuns: 1000 },
  );
});

void test('the messages of one transaction are put together, without our own', () => {
  const reader = new TransactionReader(TABLE, (port) => port === 7);
  const say = (operation: number, port: number, attributes: Node[], family = 1): unknown =>
    reader.take({ type: (10 << 8) | operation, flags: 0, sequence: 0, port, body: encodeBody(family, attributes) });
  const text = (number: number, value: string): Node => ({ type: number, value: Buffer.from(`${value}\0`) });
  const end = [{ type: 1, value: be32(5) }, { type: 2, value: be32(99) }, text(3, 'nft')]; // prettier-ignore
  const ours = text(1, 'ours');
  assert.equal(say(5, 7, [ours, text(3, 'a')]), undefined);
  assert.equal(say(15, 7, end), undefined);
  assert.equal(say(5, 8, [text(1, 'other'), text(3, 'a')]), undefined);
  assert.equal(say(5, 8, [ours, text(3, 'a')], 2), undefined);
  assert.equal(say(15, 8, end), undefined);
  for (let count = 0; count < 50; count++) assert.equal(say(14, 8, [ours, text(2, 'ports')]), undefined);
  assert.equal(say(6, 8, [ours, text(2, 'forward'), { type: 3, value: be64(12) }]), undefined);
  assert.deepEqual(say(15, 8, end), {
    process: { pid: 99, name: 'nft' },
    removed: Array.from({ length: 20 }, () => 'element of ports'),
    added: ['rule 12 of forward'],
    removedCount: 50,
    addedCount: 1,
  });
  assert.equal(say(15, 8, end), undefined);
  say(2, 8, [ours]);
  reader.forget();
  assert.equal(say(15, 8, end), undefined);
});

/** One direction as ctnetlink tells it. */
function tuple(source: string, sourcePort: number, destination: string, destinationPort: number): Node[] {
  const six = source.includes(':');
  const address = (text: string): Uint8Array => encodeValues([six ? 'ipv6_addr' : 'ipv4_addr'], [text]);
  return [
    { type: 1, value: [{ type: six ? 3 : 1, value: address(source) }, { type: six ? 4 : 2, value: address(destination) }] },
    { type: 2, value: [{ type: 1, value: byte(17) }, { type: 2, value: be16(sourcePort) }, { type: 3, value: be16(destinationPort) }] },
  ]; // prettier-ignore
}

function flow(original: Node[], reply: Node[], status: number): ReturnType<typeof decodeFlow> {
  const list = [
    { type: 1, value: original },
    { type: 2, value: reply },
    { type: 3, value: be32(status) },
    { type: 12, value: be32(1234) },
  ];
  return decodeFlow(encodeBody(2, list));
}

void test('a tracked connection is read, named again, and chosen for what it is', () => {
  const mapping = {
    protocol: 'udp',
    hostAddress: '0.0.0.0',
    hostPort: 5300,
    count: 10,
    containerAddress: '10.0.0.2',
    containerPort: 6300,
  } as const;
  const question = tuple('192.0.2.9', 4000, '192.0.2.1', 5303);
  const led = flow(question, tuple('10.0.0.2', 6303, '192.0.2.9', 4000), 1 << 5);
  assert.deepEqual(led.original, {
    source: '192.0.2.9',
    destination: '192.0.2.1',
    protocol: 17,
    sourcePort: 4000,
    destinationPort: 5303,
  });
  assert.deepEqual(led.identity.map(treeOf), [{ type: 1, value: question }, { type: 12, value: be32(1234) }].map(treeOf)); // prettier-ignore
  const plain = flow(question, tuple('192.0.2.1', 5303, '192.0.2.9', 4000), 0);
  const elsewhere = flow(question, tuple('10.0.0.2', 6304, '192.0.2.9', 4000), 1 << 5);
  const outside = flow(tuple('192.0.2.9', 4000, '192.0.2.1', 5310), tuple('10.0.0.2', 6310, '192.0.2.9', 4000), 1 << 5);
  const flows = [led, plain, elsewhere, outside];
  const missed = missedBy(mapping) ?? assert.fail();
  assert.deepEqual(flows.map((each) => heldBy(mapping).matches(each)), [true, false, false, false]); // prettier-ignore
  assert.deepEqual(flows.map((each) => missed.matches(each)), [false, true, true, false]); // prettier-ignore
  const other = { ...mapping, hostAddress: '192.0.2.2' };
  assert.deepEqual(flows.map((each) => heldBy(other).matches(each)), [false, false, false, false]); // prettier-ignore
  assert.equal(missedBy({ ...mapping, protocol: 'tcp' }), undefined);
  const [source, answer] = ofAddress('10.0.0.2').filters;
  assert.deepEqual(flows.map((each) => satisfies(each, source!)), [false, false, false, false]); // prettier-ignore
  assert.deepEqual(flows.map((each) => satisfies(each, answer!)), [true, false, true, true]); // prettier-ignore
  // The kernel compares IPv6 addresses the wrong way round.
  assert.deepEqual(encodeFilter({ direction: 'original', source: 'fd00::1' }), []);
  assert.throws(() => ofAddress('nowhere'), RangeError);
});
