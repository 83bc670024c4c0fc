/**
 * nf_tables and connection tracking by our own netlink, in a network of this test's own, with nft(8) as the second
 * opinion: the machine's rules are not touched.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Change } from '../../daemon/network/netfilter/nftables/change.ts';
import { Nftables, TransactionError } from '../../daemon/network/netfilter/nftables/connection.ts';
import { addElements, deleteElements, type Element } from '../../daemon/network/netfilter/nftables/elements.ts';
import { listElements } from '../../daemon/network/netfilter/nftables/list-elements.ts';
import { listChains, listRules, listSets, listTables } from '../../daemon/network/netfilter/nftables/list.ts';
import {
  constant,
  ct,
  ctTuple,
  fib,
  mapped,
  masked,
  meta,
  payload,
} from '../../daemon/network/netfilter/nftables/loads.ts';
import {
  addChain,
  addRule,
  addTable,
  deleteChain,
  deleteRule,
  deleteTable,
  flushChain,
  PRIORITY,
} from '../../daemon/network/netfilter/nftables/objects.ts';
import type { TableName } from '../../daemon/network/netfilter/nftables/protocol.ts';
import { addSet, deleteSet, flushSet, type SetShape } from '../../daemon/network/netfilter/nftables/sets.ts';
import * as say from '../../daemon/network/netfilter/nftables/statements.ts';
import { systemCall } from '../../native-bindings/libc.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

const nft = (...words: string[]): string => execFileSync('nft', words, { encoding: 'utf8' });
const nftFile = (text: string): string => execFileSync('nft', ['-f', '-'], { encoding: 'utf8', input: text });

let nftables: Nftables;
before(() => {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  nftables = Nftables.open();
});
after(() => {
  nftables.close();
});

/** A table of that name, without the rest of the world. */
function freshTable(name: string): TableName {
  const table: TableName = { family: 'inet', table: name };
  nftables.transaction([deleteTable(table, { tolerant: true }), addTable(table, { exclusive: true })]);
  return table;
}

/** What nft(8) says of a table, without what two equal ones differ in. */
function shown({ family, table }: TableName): unknown {
  const { nftables: objects } = JSON.parse(nft('-j', 'list', 'table', family, table)) as { nftables: object[] };
  return JSON.parse(JSON.stringify(objects.filter((object) => !('metainfo' in object))), (key, value: unknown) =>
    key === 'handle' || key === 'table' ? undefined : value,
  ) as unknown;
}

const PORTS = {
  name: 'ports',
  key: ['inet_proto', 'ipv4_addr', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
  comment: 'published ports',
} as const satisfies SetShape;
const PORTS6 = { name: 'ports6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] } as const;
const PAIRS = { name: 'pairs', key: ['ifname', 'ifname'], data: 'verdict' } as const;
const SUBNETS = { name: 'subnets', key: ['ipv4_addr'], interval: true } as const;
const SUBNETS6 = { name: 'subnets6', key: ['ipv6_addr'], interval: true } as const;
const RANGES = { name: 'ranges', key: ['ipv4_addr', 'inet_service'], interval: true } as const;
const RANGE_MARKS = { name: 'rangemarks', key: ['inet_service'], data: ['mark'], interval: true } as const;
const BRIDGES = { name: 'bridges', key: ['ifname'] } as const;
const SETS: readonly SetShape[] = [PORTS, PORTS6, PAIRS, SUBNETS, SUBNETS6, RANGES, RANGE_MARKS, BRIDGES];

const ELEMENTS: readonly (readonly [SetShape, readonly Element[]])[] = [
  [
    PORTS,
    [
      { key: ['tcp', '192.0.2.1', 80], data: ['10.0.0.2', 8080], comment: 'web' },
      { key: ['udp', '192.0.2.1', 53], data: ['10.0.0.3', 5353] },
      { key: ['sctp', '192.0.2.1', 65535], data: ['10.0.0.4', 1] },
    ],
  ],
  [PORTS6, [{ key: ['tcp', 443], data: ['fd00::2', 8443] }]],
  [
    PAIRS,
    [
      { key: ['tare-0a1b-1', 'tare-0a1b-1'], data: 'accept' },
      { key: ['tare-0a1b-1', 'tare-0a1b-2'], data: 'drop' },
      { key: ['tare-0a1b-2', 'tare-0a1b-2'], data: { jump: 'further' } },
      { key: ['tare-0a1b-3', 'tare-0a1b-3'], data: { goto: 'further' } },
      { key: ['tare-0a1b-4', 'tare-0a1b-4'], data: 'return' },
    ],
  ],
  [
    SUBNETS,
    [
      { key: ['0.0.0.0'] },
      { key: ['10.0.0.0/8'] },
      { key: ['11.0.0.0/8'] },
      { key: [{ from: '192.168.0.1', to: '192.168.0.5' }], comment: 'five' },
      { key: ['255.255.255.255'] },
    ],
  ],
  [SUBNETS6, [{ key: ['fd00::/64'] }, { key: ['ffff::/16'] }]],
  [RANGES, [{ key: ['10.0.0.0/8', { from: 1000, to: 2000 }] }, { key: ['192.0.2.7', 80] }]],
  [
    RANGE_MARKS,
    [
      { key: [{ from: 1, to: 9 }], data: [7] },
      { key: [10], data: [8] },
    ],
  ],
  [BRIDGES, [{ key: ['tare-0a1b-1'] }, { key: ['tare-0a1b-2'] }]],
];

const IPV4 = say.is(meta('nfproto'), 'ipv4');
const IPV6 = say.is(meta('nfproto'), 'ipv6');

const RULES: readonly (readonly [chain: string, statements: readonly say.Statement[], comment?: string])[] = [
  [
    'prerouting',
    [
      say.is(fib(['daddr'], 'type'), 'local'),
      IPV4,
      say.dnat(mapped([meta('l4proto'), payload('ip daddr'), payload('th dport')], PORTS)),
    ],
    'ports of IPv4',
  ],
  ['prerouting', [IPV6, say.dnat(mapped([meta('l4proto'), payload('th dport')], PORTS6), ['random', 'persistent'])]],
  ['prerouting', [say.is(meta('l4proto'), 'tcp'), say.redirect(constant(['inet_service'], [53]))]],
  ['forward', [say.hasAny(ct('state'), ['established', 'related']), say.counter(), say.accept()]],
  ['forward', [say.hasAny(ct('status'), ['dnat']), say.accept()], 'published'],
  ['forward', [say.hasAny(ct('state'), ['invalid']), say.drop()]],
  ['forward', [say.decideBy([meta('iifname'), meta('oifname')], PAIRS)]],
  ['forward', [say.isIn([meta('iifname')], BRIDGES), say.isNotIn([meta('oifname')], BRIDGES), say.goTo('further')]],
  ['forward', [say.startsWith(meta('iifname'), 'tare-0a1b-'), say.reject('admin-prohibited')]],
  ['forward', [say.is(meta('l4proto'), 'tcp'), say.reject('tcp-reset')]],
  [
    'further',
    [IPV4, say.is(payload('ip saddr'), '10.0.0.0/12'), say.isNot(payload('ip daddr'), '10.1.2.3'), say.drop()],
  ],
  ['further', [IPV6, say.is(payload('ip6 saddr'), 'fd00::/9'), say.drop()]],
  ['further', [IPV4, say.isIn([payload('ip saddr')], SUBNETS), say.limit(10, 'minute'), say.drop()]],
  ['further', [IPV6, say.isIn([payload('ip6 daddr')], SUBNETS6), say.jump('last')]],
  ['further', [say.is(masked(meta('mark'), Uint8Array.of(0xff, 0, 0, 0)), 3), say.accept()]],
  ['further', [say.setMark('connection', constant(['mark'], [5])), say.setMark('packet', ct('mark'))]],
  ['further', [say.is(ctTuple('original', 'ip daddr'), '192.0.2.9'), say.is(ct('direction'), 'reply'), say.accept()]],
  ['further', [say.is(meta('l4proto'), 'udp'), say.compare(payload('th dport'), '>=', 1024), say.returnToCaller()]],
  ['postrouting', [say.isNot(meta('oifname'), 'lo'), say.masquerade(['fully-random'])]],
  ['postrouting', [IPV4, say.snat(constant(['ipv4_addr'], ['192.0.2.1']))]],
];

function everything(table: TableName): Change[] {
  return [
    deleteTable(table, { tolerant: true }),
    addTable(table, { comment: 'of this test' }),
    addChain(table, 'prerouting', { base: { type: 'nat', hook: 'prerouting', priority: PRIORITY.dstnat } }),
    addChain(table, 'forward', { base: { type: 'filter', hook: 'forward', priority: -5, policy: 'drop' } }),
    addChain(table, 'postrouting', { base: { type: 'nat', hook: 'postrouting', priority: PRIORITY.srcnat } }),
    addChain(table, 'further', { comment: 'only jumped to' }),
    addChain(table, 'last'),
    ...SETS.map((shape) => addSet(table, shape, { exclusive: true })),
    ...ELEMENTS.map(([shape, elements]) => addElements(table, shape, elements)),
    ...RULES.map(([chain, statements, comment]) => addRule(table, chain, statements, { comment })),
  ];
}

/** The same for nft(8). */
const EVERYTHING = `table inet reference {
  comment "of this test"
  map ports {
    type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service
    comment "published ports"
    elements = { tcp . 192.0.2.1 . 80 comment "web" : 10.0.0.2 . 8080, udp . 192.0.2.1 . 53 : 10.0.0.3 . 5353,
      sctp . 192.0.2.1 . 65535 : 10.0.0.4 . 1 }
  }
  map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; elements = { tcp . 443 : fd00::2 . 8443 } }
  map pairs {
    type ifname . ifname : verdict
    elements = { "tare-0a1b-1" . "tare-0a1b-1" : accept, "tare-0a1b-1" . "tare-0a1b-2" : drop,
      "tare-0a1b-2" . "tare-0a1b-2" : jump further, "tare-0a1b-3" . "tare-0a1b-3" : goto further,
      "tare-0a1b-4" . "tare-0a1b-4" : return }
  }
  set subnets {
    type ipv4_addr; flags interval
    elements = { 0.0.0.0, 10.0.0.0/8, 11.0.0.0/8, 192.168.0.1-192.168.0.5 comment "five", 255.255.255.255 }
  }
  set subnets6 { type ipv6_addr; flags interval; elements = { fd00::/64, ffff::/16 } }
  set ranges {
    type ipv4_addr . inet_service; flags interval
    elements = { 10.0.0.0/8 . 1000-2000, 192.0.2.7 . 80 }
  }
  map rangemarks { type inet_service : mark; flags interval; elements = { 1-9 : 7, 10 : 8 } }
  set bridges { type ifname; elements = { "tare-0a1b-1", "tare-0a1b-2" } }
  chain prerouting {
    type nat hook prerouting priority dstnat
    fib daddr type local meta nfproto ipv4 dnat ip to meta l4proto . ip daddr . th dport map @ports comment "ports of IPv4"
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6 random,persistent
    meta l4proto tcp redirect to :53
  }
  chain forward {
    type filter hook forward priority -5; policy drop
    ct state established,related counter accept
    ct status dnat accept comment "published"
    ct state invalid drop
    iifname . oifname vmap @pairs
    iifname @bridges oifname != @bridges goto further
    iifname "tare-0a1b-*" reject with icmpx type admin-prohibited
    meta l4proto tcp reject with tcp reset
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname != "lo" masquerade fully-random
    meta nfproto ipv4 snat ip to 192.0.2.1
  }
  chain further {
    comment "only jumped to"
    ip saddr 10.0.0.0/12 ip daddr != 10.1.2.3 drop
    ip6 saddr fd00::/9 drop
    ip saddr @subnets limit rate 10/minute drop
    ip6 daddr @subnets6 jump last
    meta mark & 0xff == 3 accept
    ct mark set 5 meta mark set ct mark
    ct original ip daddr 192.0.2.9 ct direction reply accept
    meta l4proto udp th dport >= 1024 return
  }
  chain last { }
}`;

void test('a table with everything is what nft(8) makes of the same words', () => {
  const table: TableName = { family: 'inet', table: 'ours' };
  nftables.transaction(everything(table));
  // A second time, with its end in the same transaction.
  nftables.transaction(everything(table));
  nftFile(EVERYTHING);
  const reference: TableName = { family: 'inet', table: 'reference' };
  assert.deepEqual(shown(table), shown(reference));
  nftables.transaction([deleteTable(table), deleteTable(reference)]);
  assert.deepEqual(listTables(nftables), []);
});

void test('what is there is listed as it was made', () => {
  const table: TableName = { family: 'inet', table: 'ours' };
  nftables.transaction([...everything(table), addTable({ family: 'ip', table: 'ours' })]);
  assert.deepEqual(
    listTables(nftables).map(({ family, table: name, comment }) => [family, name, comment]),
    [
      ['inet', 'ours', 'of this test'],
      ['ip', 'ours', undefined],
    ],
  );
  assert.deepEqual(listTables(nftables, 'ip6'), []);
  assert.deepEqual(
    listChains(nftables, table).map(({ name, base, comment }) => [name, base, comment]),
    [
      ['prerouting', { type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' }, undefined],
      ['forward', { type: 'filter', hook: 'forward', priority: -5, policy: 'drop' }, undefined],
      ['postrouting', { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' }, undefined],
      ['further', undefined, 'only jumped to'],
      ['last', undefined, undefined],
    ],
  );
  const rules = listRules(nftables, table);
  for (const chain of ['prerouting', 'forward', 'postrouting', 'further', 'last']) {
    const asked = RULES.filter((rule) => rule[0] === chain);
    const found = listRules(nftables, table, chain);
    assert.deepEqual(found, rules.filter((rule) => rule.chain === chain)); // prettier-ignore
    assert.deepEqual(
      found.map(({ comment, expressions }) => [comment, expressions.map(({ name }) => name)]),
      asked.map(([, statements, comment]) => [comment, statements.flat().map(({ name }) => name)]),
    );
  }
  assert.deepEqual(
    listSets(nftables, table).map(({ shape }) => shape),
    SETS.map((shape) => ({ interval: false, comment: undefined, ...shape })),
  );
  for (const [shape, elements] of ELEMENTS)
    assert.deepEqual(inOrder(listed(table, shape)), inOrder(elements.map(spelled)));
  nftables.transaction([deleteTable(table), deleteTable({ family: 'ip', table: 'ours' })]);
  assert.deepEqual([listChains(nftables, table), listRules(nftables, table), listSets(nftables, table)], [[], [], []]);
});

const listed = (table: TableName, shape: SetShape): Element[] => listElements(nftables, table, shape);

/** Prefixes as the ranges that they are. */
const PREFIXES: Readonly<Record<string, { from: string; to: string }>> = {
  '10.0.0.0/8': { from: '10.0.0.0', to: '10.255.255.255' },
  '11.0.0.0/8': { from: '11.0.0.0', to: '11.255.255.255' },
  'fd00::/64': { from: 'fd00::', to: 'fd00::ffff:ffff:ffff:ffff' },
  'ffff::/16': { from: 'ffff::', to: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
};
const spelled = (element: Element): Element => ({
  ...element,
  key: element.key.map((field) => (typeof field === 'string' ? (PREFIXES[field] ?? field) : field)),
});
const inOrder = (elements: readonly Element[]): string[] =>
  elements.map(({ key, data, comment }) => JSON.stringify([key, data, comment])).sort();

/** That the transaction is refused, by what, and that nothing of it is done. */
function refused(changes: readonly Change[], index: number | undefined, message: RegExp): void {
  const before = nft('list', 'ruleset');
  assert.throws(
    () => nftables.transaction(changes),
    (error: unknown) => {
      assert.ok(error instanceof TransactionError, String(error));
      assert.match(error.message, message);
      assert.equal(error.index, index);
      return true;
    },
  );
  assert.equal(nft('list', 'ruleset'), before);
}

void test('a change that is refused says which it is, and nothing is done', () => {
  const table = freshTable('refusals');
  const mark = constant(['mark'], [1]);
  const good = [addChain(table, 'a'), addSet(table, PORTS), addSet(table, SUBNETS)];
  nftables.transaction([
    ...good,
    addElements(table, PORTS, [{ key: ['tcp', '192.0.2.1', 7], data: ['10.0.0.1', 7] }]),
    addElements(table, SUBNETS, [{ key: ['10.0.0.0/8'] }]),
    addRule(table, 'a', [say.isIn([payload('ip saddr')], SUBNETS)]),
  ]);
  const set = [say.setMark('packet', mark)];
  refused([addChain(table, 'b'), addRule(table, 'c', set)], 1, /^add a rule to the chain c of inet refusals: ENOENT/);
  refused([addRule(table, 'a', [say.jump('nowhere')], { comment: 'far' })], 0, /^add the rule "far" to the chain a of/);
  refused([addChain(table, 'a', { exclusive: true })], 0, /^add the chain a of inet refusals: EEXIST/);
  refused([addTable(table, { exclusive: true })], 0, /^add the table inet refusals: EEXIST/);
  refused([addChain(table, 'b'), deleteSet(table, 'subnets')], 1, /^delete the set subnets of inet refusals: EBUSY/);
  refused([deleteChain(table, 'x'), deleteChain(table, 'y')], 0, /^delete the chain x of inet refusals: ENOENT/);
  refused([deleteRule(table, 'a', 999n)], 0, /^delete rule 999 of the chain a of inet refusals: ENOENT/);
  const many = Array.from({ length: 3000 }, (_, port): Element => ({
    key: ['udp', '192.0.2.1', port],
    data: ['10.0.0.1', 1],
  }));
  const clash: Element = { key: ['tcp', '192.0.2.1', 7], data: ['10.0.0.1', 8] };
  refused(
    [addElements(table, PORTS, [...many, clash])],
    0,
    /^add 3001 elements to the map ports .*: the element tcp \. 192\.0\.2\.1 \. 7: EEXIST/,
  );
  refused(
    [deleteElements(table, PORTS, [['sctp', '192.0.2.1', 9]])],
    0,
    /^delete sctp \. 192\.0\.2\.1 \. 9 from the map ports .*ENOENT/,
  );
  refused(
    [addElements(table, SUBNETS, [{ key: ['10.1.0.0/16'] }])],
    0,
    /^add 10\.1\.0\.0\/16 to the set subnets .*EEXIST/,
  );
  // More refusals than there is room for.
  refused(
    Array.from({ length: 3000 }, () => deleteChain(table, 'x')),
    0,
    /^delete the chain x /,
  );
  nftables.transaction([deleteTable(table)]);
});

void test('values that a set does not have are refused before the kernel sees them', () => {
  const table: TableName = { family: 'inet', table: 'values' };
  const add =
    (shape: SetShape, element: Element): (() => Change) =>
    () =>
      addElements(table, shape, [element]);
  for (const make of [
    add(PORTS, { key: ['tcp', '192.0.2.1', 65536], data: ['10.0.0.1', 1] }),
    add(PORTS, { key: ['tcp', '192.0.2.1'], data: ['10.0.0.1', 1] }),
    add(PORTS, { key: ['tcp', 'fd00::1', 1], data: ['10.0.0.1', 1] }),
    add(PORTS, { key: ['gre', '192.0.2.1', 1], data: ['10.0.0.1', 1] }),
    add(PORTS, { key: ['tcp', '192.0.2.1', 1], data: 'accept' }),
    add(PORTS, { key: ['tcp', '192.0.2.1', { from: 1, to: 2 }], data: ['10.0.0.1', 1] }),
    add(PAIRS, { key: ['a', 'sixteen-bytes-00'], data: 'accept' }),
    add(PAIRS, { key: ['a', 'b'], data: [1] }),
    add(SUBNETS, { key: ['10.0.0.0/33'] }),
    add(SUBNETS, { key: ['10.0.0.0/8'], comment: 'x'.repeat(128) }),
    () => addChain(table, ''),
    () => addChain(table, 'x'.repeat(256)),
    () => addRule(table, 'a', [say.isIn([payload('ip saddr')], BRIDGES)]),
    () => addRule(table, 'a', [say.is(payload('ip saddr'), 'fd00::/8')]),
    () => addRule(table, 'a', [say.dnat(constant(['inet_service'], [1]))]),
  ]) {
    assert.throws(make, RangeError);
  }
});

void test('5,000 elements come and go in one transaction each, and a set is flushed', () => {
  const table = freshTable('many');
  const elements = Array.from({ length: 5000 }, (_, number): Element => ({
    key: ['tcp', '192.0.2.1', number + 1],
    data: ['10.0.0.2', number + 1],
    comment: `port ${number}`,
  }));
  const subnets = Array.from({ length: 5000 }, (_, number): Element => ({
    key: [`10.${number >> 8}.${number & 255}.0/24`],
  }));
  nftables.transaction([
    addSet(table, PORTS),
    addSet(table, SUBNETS),
    addElements(table, PORTS, elements, { exclusive: true }),
    addElements(table, SUBNETS, subnets),
  ]);
  assert.deepEqual(inOrder(listed(table, PORTS)), inOrder(elements));
  assert.equal(listed(table, SUBNETS).length, subnets.length);
  const [first, ...rest] = elements;
  nftables.transaction([
    deleteElements(table, PORTS, rest.map(({ key }) => key)),
    flushSet(table, SUBNETS.name),
  ]); // prettier-ignore
  assert.deepEqual(listed(table, PORTS), [first]);
  assert.deepEqual(listed(table, SUBNETS), []);
  nftables.transaction([deleteTable(table)]);
});

void test('rules have their place, and go one by one or all', () => {
  const table = freshTable('rules');
  const rule = (comment: string, place?: Parameters<typeof addRule>[3]): Change =>
    addRule(table, 'a', [say.counter()], { comment, ...place });
  const comments = (): unknown[] => listRules(nftables, table, 'a').map(({ comment }) => comment);
  const handleOf = (asked: string): bigint =>
    listRules(nftables, table, 'a').find(({ comment }) => comment === asked)?.handle ?? 0n;
  nftables.transaction([addChain(table, 'a'), rule('b'), rule('d'), rule('a', { place: 'first' })]);
  nftables.transaction([
    rule('c', { place: { after: handleOf('b') } }),
    rule('between', { place: { before: handleOf('b') } }),
  ]);
  assert.deepEqual(comments(), ['a', 'between', 'b', 'c', 'd']);
  nftables.transaction([deleteRule(table, 'a', handleOf('between'))]);
  assert.deepEqual(comments(), ['a', 'b', 'c', 'd']);
  nftables.transaction([flushChain(table, 'a'), rule('new')]);
  assert.deepEqual(comments(), ['new']);
  nftables.transaction([flushChain(table, 'a'), deleteChain(table, 'a')]);
  assert.deepEqual(listChains(nftables, table), []);
  nftables.transaction([deleteTable(table)]);
});

void test('a transaction that rests on what was read is made anew where somebody changed it', () => {
  const table = freshTable('generations');
  const before = nftables.generation();
  nft('add', 'chain', 'inet', 'generations', 'a');
  assert.equal(nftables.generation(), before + 1);
  assert.throws(() => nftables.transaction([addChain(table, 'b')], before), { code: 'ERESTART', index: undefined });
  let rounds = 0;
  nftables.update(() => {
    const chains = listChains(nftables, table);
    if (rounds++ === 0) nft('delete', 'chain', 'inet', 'generations', 'a');
    return chains.some(({ name }) => name === 'a') ? [deleteChain(table, 'a')] : [addChain(table, 'b')];
  });
  assert.equal(rounds, 2);
  assert.deepEqual(listChains(nftables, table).map(({ name }) => name), ['b']); // prettier-ignore
  nftables.transaction([deleteTable(table)]);
});

void test('another namespace is spoken to by its descriptor', async () => {
  const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const own = readlinkSync('/proc/thread-self/ns/net');
  const path = `/proc/${String(holder.pid)}/ns/net`;
  await until('the namespace', () => readlinkSync(path) !== own);
  const namespace = openSync(path, 'r');
  const there = Nftables.open(namespace);
  try {
    const table: TableName = { family: 'ip6', table: 'there' };
    there.transaction([addTable(table)]);
    assert.deepEqual(listTables(there).map(({ table: name }) => name), ['there']); // prettier-ignore
    assert.deepEqual(listTables(nftables), []);
    assert.equal(readlinkSync('/proc/thread-self/ns/net'), own);
  } finally {
    there.close();
    closeSync(namespace);
    holder.stdin.end();
    await once(holder, 'close');
  }
});
