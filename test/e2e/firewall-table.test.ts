/** The life of the daemon's nf_tables table, in a network of this test's own, as nft(8) shows it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { PortTakenError } from '../../daemon/network/firewall/conflict.ts';
import { Firewall } from '../../daemon/network/firewall/firewall.ts';
import { TransactionError } from '../../daemon/network/netfilter/nftables/connection.ts';
import { systemCall } from '../../native-bindings/libc.ts';
import {
  FirewallLab,
  gateway,
  NETWORKS,
  published,
  reaches,
  RecordedLog,
  TABLE,
  type Inhabitant,
} from '../harness/firewall-lab.ts';
import { HOST, OUTSIDE } from '../harness/network.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

let lab: FirewallLab;
let a1: Inhabitant;
let b1: Inhabitant;
before(async () => {
  lab = await FirewallLab.open();
  [a1, b1] = [await lab.join('a'), await lab.join('b')];
  await a1.place.serve('tcp:80', 'udp:80');
});
after(() => lab.close());

let log: RecordedLog;
let firewall: Firewall | undefined;
function open(): Firewall {
  log = new RecordedLog();
  firewall = Firewall.open({ table: TABLE, log });
  return firewall;
}
afterEach(() => {
  firewall?.removeAll();
  firewall?.close();
  firewall = undefined;
  assert.equal(ruleset(), '');
});

const nft = (...words: string[]): string => execFileSync('nft', words, { encoding: 'utf8' });
const ruleset = (): string => nft('list', 'ruleset');
const networks = Object.values(NETWORKS);
const web = () => [...published('tcp', 8080, a1), ...published('udp', 8080, a1, { at: [HOST.v4, HOST.v6] })];
const state = () => ({ networks, ports: web() });

test('nothing is made before it is needed, and nothing for no networks', () => {
  const firewall = open();
  assert.equal(ruleset(), '');
  firewall.apply({ networks: [], ports: [] });
  assert.equal(ruleset(), '');
  firewall.addNetwork(NETWORKS.a);
  assert.match(ruleset(), new RegExp(`^table inet ${TABLE} \\{`));
  firewall.apply({ networks: [], ports: [] });
  assert.equal(ruleset(), '');
});

test('made at once or bit by bit, once or twice: the same', () => {
  const firewall = open();
  firewall.apply(state());
  const whole = ruleset();
  firewall.apply(state());
  assert.equal(ruleset(), whole);
  for (const network of networks) firewall.addNetwork(network);
  firewall.publish(web());
  assert.equal(ruleset(), whole);
  firewall.removeAll();
  for (const network of networks) firewall.addNetwork(network);
  firewall.publish(web());
  assert.equal(ruleset(), whole);
  firewall.apply({ networks, ports: [] });
  const bare = ruleset();
  firewall.publish(web());
  firewall.unpublish(web());
  firewall.unpublish(web());
  assert.equal(ruleset(), bare);
  firewall.apply({ networks: [NETWORKS.b], ports: [] });
  const one = ruleset();
  firewall.addNetwork(NETWORKS.inner);
  firewall.addNetwork(NETWORKS.apart);
  firewall.removeNetwork(NETWORKS.apart);
  firewall.removeNetwork(NETWORKS.inner);
  firewall.removeNetwork(NETWORKS.inner);
  assert.equal(ruleset(), one);
});

test('a later daemon takes over what an earlier one left', () => {
  open().apply(state());
  const whole = ruleset();
  firewall?.close();
  assert.equal(ruleset(), whole);
  open().apply({ networks: [NETWORKS.a], ports: [] });
  assert.doesNotMatch(ruleset(), /tare-test-2|8080/);
  firewall?.apply(state());
  assert.equal(ruleset(), whole);
  firewall?.close();
  // Its first network: what there was before is not known of.
  open().addNetwork(NETWORKS.b);
  assert.doesNotMatch(ruleset(), /tare-test-1/);
});

test('a port that is taken is named, and nothing of the publication is done', () => {
  const firewall = open();
  firewall.apply(state());
  const whole = ruleset();
  const taken = published('tcp', 8078, b1, { count: 3, at: ['0.0.0.0'] });
  assert.throws(
    () => firewall.publish([...published('tcp', 8000, b1), ...taken]),
    (error) =>
      error instanceof PortTakenError &&
      error.mapping === taken[0] &&
      error.message === `publish tcp 0.0.0.0:8078-8080 to ${b1.v4}:80-82: a port of it is taken` &&
      error.cause instanceof TransactionError,
  );
  assert.equal(ruleset(), whole);
  const twice = published('udp', 8001, a1);
  assert.throws(
    () => firewall.publish([...twice, ...published('udp', 8001, b1)]),
    /publish udp 0\.0\.0\.0:8001 to 10\.77\.2\./,
  );
  assert.equal(ruleset(), whole);
});

test('a change of ports is one transaction: all or nothing', () => {
  const firewall = open();
  firewall.apply({ networks, ports: [...web(), ...published('tcp', 8001, b1)] });
  const whole = ruleset();
  const moved = published('tcp', 8080, b1);
  assert.throws(
    () => firewall.change(published('tcp', 8080, a1), [...moved, ...published('tcp', 8001, a1)]),
    (error) => error instanceof PortTakenError && error.mapping.hostPort === 8001,
  );
  assert.equal(ruleset(), whole);
  firewall.change(published('tcp', 8080, a1), moved);
  assert.match(ruleset(), new RegExp(`tcp \\. 8080 : ${b1.v4.replaceAll('.', '\\.')} \\. 80`));
  // What is gone already is no hindrance.
  firewall.change([...moved, ...published('tcp', 8500, a1)], published('tcp', 8080, a1));
  assert.equal(ruleset(), whole);
});

test('a thousand ports are a thousand elements, gone without trace', () => {
  const firewall = open();
  firewall.apply(state());
  const whole = ruleset();
  const many = published('tcp', 20_000, a1, { count: 1000 });
  firewall.publish(many);
  assert.equal(ruleset().match(/tcp \. 20\d{3} : /g)?.length, 2000);
  firewall.unpublish(many);
  assert.equal(ruleset(), whole);
});

test("flushed or changed by somebody else, it is made again; our own changes are nobody else's", async () => {
  const firewall = open();
  firewall.watch(state);
  firewall.apply(state());
  const whole = ruleset();
  firewall.publish(published('tcp', 8500, a1));
  firewall.unpublish(published('tcp', 8500, a1));
  firewall.apply(state());
  const destructions = [
    ['flush', 'ruleset'],
    ['delete', 'table', 'inet', TABLE],
    ['flush', 'chain', 'inet', TABLE, 'published'],
    ['delete', 'element', 'inet', TABLE, 'ports4', '{ tcp . 8080 }'],
    ['add', 'rule', 'inet', TABLE, 'forward', 'drop'],
  ];
  for (const [index, words] of destructions.entries()) {
    nft(...words);
    await until(`made again after nft ${words.join(' ')}`, () => ruleset() === whole);
    assert.equal(log.lines.length, index + 1, log.lines.join('\n'));
    assert.match(log.lines[index] ?? '', /warn .*made again.*"name":"nft"/);
    await reaches(lab.outside, 'tcp', HOST.v4, 8080, { peer: OUTSIDE.v4, at: a1.v4 });
    await reaches(a1.place, 'tcp', HOST.v4, 8080, { peer: gateway('a', 4), at: a1.v4 });
  }
  // Before we are told: what finds no table makes it.
  nft('flush', 'ruleset');
  firewall.addNetwork(NETWORKS.a);
  assert.equal(ruleset(), whole);
  nft('flush', 'ruleset');
  firewall.publish(web());
  assert.equal(ruleset(), whole);
  nft('flush', 'ruleset');
  firewall.unpublish(published('tcp', 8500, a1));
});

test('a connection goes on while the table is made again and again, and nothing else passes meanwhile', async () => {
  const firewall = open();
  firewall.apply(state());
  const b1Server = await b1.place.serve('udp:80');
  const asker = lab.outside.keepAsking('tcp', HOST.v4, 8080);
  const direct = Array.from({ length: 50 }, () => a1.place.tell(a1.v4, b1.v4, 80));
  const told = Promise.all(direct);
  let isTold = false;
  void told.then(() => (isTold = true));
  await until('all is told', () => {
    for (let times = 0; times < 5; times++) firewall.apply(state());
    return isTold;
  });
  await told;
  // What comes after has come: what was to come before has not.
  await reaches(lab.host, 'udp', b1.v4, 80, { peer: gateway('b', 4), at: b1.v4 });
  await until('b1 tells', () => b1Server.seen.length > 0);
  assert.deepEqual(b1Server.seen, [`udp ${gateway('b', 4)} ${b1.v4}`]);
  assert.equal(await asker.end(), `${OUTSIDE.v4} ${a1.v4}`);
});
