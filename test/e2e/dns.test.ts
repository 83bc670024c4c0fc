/**
 * The DNS server on real addresses, in a network of this test's own: bridges with gateways, containers that are
 * addresses to ask from, and servers of the world outside that say what a test wants them to say.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, test } from 'node:test';
import { TRUNCATED_RESPONSE } from 'dns-packet';
import { Frames, frame } from '../../daemon/network/dns/frames.ts';
import { HostResolvers } from '../../daemon/network/dns/host-resolvers.ts';
import { NameTable } from '../../daemon/network/dns/name-table.ts';
import { DnsListenError, DnsServer } from '../../daemon/network/dns/server.ts';
import { systemCall } from '../../native-bindings/libc.ts';
import {
  askByUdp,
  askInOneConnection,
  failing,
  nameIn,
  Outside,
  question,
  replyTo,
  saying,
  told,
  type Asking,
} from '../harness/dns.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

const ip = (words: string): string => execFileSync('ip', words.split(' '), { encoding: 'utf8' });
const RCODE = { noError: 0, servFail: 2, nxDomain: 3, refused: 5 };
const GATEWAY = '10.1.0.1';
const GATEWAY6 = 'fd00:1::1';
const INNER_GATEWAY = '10.3.0.1';
const WEB = '10.1.0.2';
const WEB6 = 'fd00:1::2';
const DB = '10.1.0.3';
const INNER = '10.3.0.2';
const [FIRST, SECOND, SILENT] = ['192.0.2.53', '192.0.2.54', '192.0.2.55'];

const logged: string[] = [];
const log = (_fields: object, message: string): void => void logged.push(message);
const folder = mkdtempSync(join(tmpdir(), 'tare-dns-'));
const hostFile = join(folder, 'resolv.conf');
const table = new NameTable();
const resolvers = new HostResolvers({ own: hostFile, behindStub: join(folder, 'none') }, 0);
const setServers = (...servers: string[]) =>
  writeFileSync(hostFile, servers.map((server) => `nameserver ${server}\n`).join(''));
const front = { id: 'front', gateways: [GATEWAY, GATEWAY6], internal: false };
const inner = { id: 'inner', gateways: [INNER_GATEWAY], internal: true };
let server: DnsServer;
let first: Outside;
let second: Outside;
/** Takes questions and says nothing. */
let silent: Outside;

before(async () => {
  ip('link set lo up');
  for (const [name, ...addresses] of [
    ['front', `${GATEWAY}/24`, `${GATEWAY6}/64`],
    ['inner', `${INNER_GATEWAY}/24`],
  ] as const) {
    ip(`link add ${name} type bridge`);
    for (const address of addresses) ip(`addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`);
    ip(`link set ${name} up`);
  }
  for (const address of [WEB, DB, '10.1.0.9', INNER, FIRST, SECOND, SILENT]) ip(`addr add ${address}/32 dev lo`);
  ip(`addr add ${WEB6}/128 dev lo nodad`);
  const names = { aliases: [], ids: [], networkId: 'front', networkName: 'front' };
  table.attach({
    container: 'web',
    networks: [{ ...names, name: 'web', aliases: ['www'], ids: ['0123'], ipv4: WEB, ipv6: WEB6 }],
  });
  table.attach({
    container: 'db',
    networks: [
      { ...names, name: 'db', aliases: ['www'], ipv4: DB },
      { ...names, networkId: 'inner', networkName: 'inner', name: 'db', ipv4: '10.3.0.3' },
    ],
  });
  table.attach({
    container: 'inner',
    networks: [{ ...names, networkId: 'inner', networkName: 'inner', name: 'secret', ipv4: INNER }],
  });
  for (let index = 0; index < 100; index++) {
    const name = `many-${index}`;
    table.attach({ container: name, networks: [{ ...names, name, aliases: ['many'], ipv4: `10.1.1.${index}` }] });
  }
  [first, second, silent] = await Promise.all(
    [FIRST, SECOND, SILENT].map((address) => Outside.open(address)) as [
      Promise<Outside>,
      Promise<Outside>,
      Promise<Outside>,
    ],
  );
  server = await serve();
});

async function serve(): Promise<DnsServer> {
  const made = new DnsServer({ table, log: { info: log, warn: log, error: log }, resolvers });
  await Promise.all([made.listen(front), made.listen(inner)]);
  return made;
}

after(() => {
  server.close();
  for (const outside of [first, second, silent]) outside.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  setServers(FIRST);
  for (const outside of [first, second, silent]) {
    outside.asked.length = 0;
    outside.reply = () => [];
  }
  first.reply = saying('198.51.100.1');
  second.reply = saying('198.51.100.2');
});

/** One question of a container, at its own gateway. */
const ask = (
  name: string,
  { from = WEB, to = from === INNER ? INNER_GATEWAY : GATEWAY, ...rest }: Partial<Asking> = {},
) => askByUdp(name, { from, to, ...rest });
const askByTcp = (names: readonly string[], { from = WEB, to = GATEWAY, ...rest }: Partial<Asking> = {}) =>
  askInOneConnection(names, { from, to, ...rest });

describe('names of containers', () => {
  test('are answered by UDP and TCP, on both families', async () => {
    assert.deepEqual((await ask('db')).records, [DB]);
    assert.deepEqual((await ask('web', { type: 'AAAA' })).records, [WEB6]);
    assert.deepEqual((await ask('0123.front')).records, [WEB]);
    assert.deepEqual((await ask('db', { from: WEB6, to: GATEWAY6 })).records, [DB]);
    assert.deepEqual(
      (await askByTcp(['db'])).map(({ records }) => records),
      [[DB]],
    );
    assert.deepEqual(
      (await askByTcp(['db'], { from: WEB6, to: GATEWAY6 })).map(({ records }) => records),
      [[DB]],
    );
    assert.deepEqual((await ask('3.0.1.10.in-addr.arpa', { type: 'PTR' })).records, ['db.front']);
    assert.deepEqual((await ask('www')).records.toSorted(), [WEB, DB]);
    assert.deepEqual(first.asked, []);
  });

  test('without an address of that family have none, and nobody else is asked', async () => {
    assert.deepEqual(await ask('db', { type: 'AAAA' }).then(({ rcode, records }) => [rcode, records]), [0, []]);
    assert.deepEqual(first.asked, []);
  });

  test('that lead to many come cut by UDP, in full with EDNS or by TCP', async () => {
    const cut = await ask('many');
    assert.ok(cut.truncated && cut.size <= 512 && cut.records.length > 0);
    const long = await ask('many', { edns: 4096 });
    assert.ok(!long.truncated);
    assert.equal(new Set(long.records).size, 100);
    const [whole] = await askByTcp(['many']);
    assert.equal(new Set(whole?.records).size, 100);
  });

  test('are answered by the hundred in one connection, whatever comes between', async () => {
    const names = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? 'example.org' : 'db'));
    const answers = await askByTcp(names);
    assert.deepEqual(
      answers.map(({ id }) => id).toSorted((a, b) => Number(a) - Number(b)),
      names.map((_, index) => index),
    );
    for (const { id, records } of answers) {
      assert.deepEqual(records, [names[id ?? 0] === 'db' ? DB : '198.51.100.1']);
    }
  });

  test('are told to nobody else', async () => {
    assert.equal((await ask('db', { from: '10.1.0.9' })).rcode, RCODE.refused);
    assert.equal((await ask('db', { from: WEB, to: INNER_GATEWAY })).rcode, RCODE.refused);
    assert.equal((await ask('secret')).rcode, RCODE.noError);
    assert.deepEqual(first.asked, ['udp secret']);
    assert.deepEqual(await askByTcp(['db'], { from: '10.1.0.9' }).catch(() => []), []);
  });
});

describe('names of the world outside', () => {
  test("are asked of the host's server, of another one when the file changes", async () => {
    assert.deepEqual((await ask('example.org')).records, ['198.51.100.1']);
    assert.deepEqual((await ask('single')).records, ['198.51.100.1']);
    setServers(SECOND);
    assert.deepEqual((await ask('example.org')).records, ['198.51.100.2']);
  });

  test('are asked under another number and from another port each time', async () => {
    first.ports.clear();
    const ids = new Set<number>();
    first.reply = (query) => {
      ids.add(query.id ?? 0);
      return saying('198.51.100.1')(query);
    };
    for (let index = 0; index < 20; index++) await ask(`name-${index}.example`);
    // Twenty of 65,536 that are twelve or fewer different ones: once in 10^25 runs.
    assert.ok(ids.size > 12 && first.ports.size > 12);
  });

  test("are asked of a container's own servers in place of the host's, and never of the loopback or ourselves", async () => {
    const names = { networkId: 'front', networkName: 'front', name: 'own', aliases: [], ids: [], ipv4: '10.1.0.9' };
    table.attach({ container: 'own', networks: [names], servers: ['127.0.0.1', '::1', GATEWAY, SECOND] });
    assert.deepEqual((await ask('example.org', { from: '10.1.0.9' })).records, ['198.51.100.2']);
    table.attach({ container: 'own', networks: [names], servers: ['127.0.0.1', `::ffff:${GATEWAY}`] });
    assert.equal((await ask('example.org', { from: '10.1.0.9' })).rcode, RCODE.servFail);
    table.detach('own');
    assert.deepEqual(first.asked, []);
    setServers(GATEWAY, GATEWAY6);
    assert.equal((await ask('example.org')).rcode, RCODE.servFail);
  });

  test('are asked of the next server where one fails, refuses, is silent or is not there', async () => {
    for (const rcode of [RCODE.servFail, RCODE.refused]) {
      first.reply = failing(rcode);
      setServers(FIRST, SECOND);
      assert.deepEqual((await ask('example.org')).records, ['198.51.100.2']);
    }
    setServers('127.0.0.9', SECOND);
    assert.deepEqual((await ask('example.org')).records, ['198.51.100.2']);
    setServers(SILENT, SECOND);
    const answers = await Promise.all([1, 2, 3].map(() => ask('example.org')));
    for (const { records } of answers) assert.deepEqual(records, ['198.51.100.2']);
    assert.equal(silent.asked.length, 3);
    // Known to be silent, it comes last, but only for who found it so.
    assert.deepEqual((await ask('other.example')).records, ['198.51.100.2']);
    assert.equal(silent.asked.length, 3);
    assert.deepEqual((await ask('other.example', { from: DB })).records, ['198.51.100.2']);
    assert.equal(silent.asked.length, 4);
    first.reply = failing(RCODE.refused);
    setServers(FIRST);
    assert.equal((await ask('example.org')).rcode, RCODE.refused);
  });

  test('that do not exist do not: no other server is asked', async () => {
    first.reply = failing(RCODE.nxDomain);
    setServers(FIRST, SECOND);
    assert.equal((await ask('nobody.example')).rcode, RCODE.nxDomain);
    assert.deepEqual(second.asked, []);
  });

  test('are not learnt from replies to another number or question, or from another address', async () => {
    const other = saying('203.0.113.66');
    first.reply = (query) => {
      const forged = { ...replyTo(query), ...other(query)[0] };
      const right = saying('198.51.100.1')(query);
      second.say(forged, [...first.ports].at(-1));
      return [
        { ...forged, id: ((query.id ?? 0) + 1) & 0xffff },
        { ...forged, questions: [{ type: 'A', name: 'other.example' }] },
        Buffer.from('garbage'),
        ...right,
      ];
    };
    assert.deepEqual((await ask('example.org')).records, ['198.51.100.1']);
  });

  test('that come cut are asked again by TCP for who asks by TCP', async () => {
    const answers = Array.from({ length: 100 }, (_, index) => `198.51.100.${index}`);
    first.reply = (query, transport) => {
      const all = answers.map((data) => ({ type: 'A' as const, name: nameIn(query), ttl: 60, data }));
      return [
        transport === 'udp' ? { ...replyTo(query), flags: TRUNCATED_RESPONSE } : { ...replyTo(query), answers: all },
      ];
    };
    const cut = await ask('big.example');
    assert.ok(cut.truncated);
    assert.deepEqual(first.asked, ['udp big.example']);
    const [whole] = await askByTcp(['big.example']);
    assert.deepEqual(whole?.records, answers);
    assert.deepEqual(first.asked, ['udp big.example', 'udp big.example', 'tcp big.example']);
  });

  test('asked by a flood are asked so many at a time, and others still have their answers', async () => {
    setServers(SILENT);
    const flood = createSocket('udp4');
    flood.bind(0, DB);
    await once(flood, 'listening');
    let failed = 0;
    flood.on('message', (message) => (failed += told(message).rcode === RCODE.servFail ? 1 : 0));
    for (let index = 0; index < 100; index++) flood.send(question(`flood-${index}.example`, {}, index), 53, GATEWAY);
    // 64 wait for the silent server; the others are told at once.
    await until('36 are told', () => failed === 36 || failed === 100);
    setServers(FIRST);
    assert.deepEqual((await ask('example.org')).records, ['198.51.100.1']);
    assert.deepEqual((await ask('web', { from: DB })).records, [WEB]);
    await until('all are told', () => failed === 100);
    assert.ok(silent.asked.length >= 64 && silent.asked.length < 100);
    flood.close();
  });
});

describe('an internal network', () => {
  test('knows its own names', async () => {
    assert.deepEqual((await ask('db', { from: INNER })).records, ['10.3.0.3']);
    assert.deepEqual((await ask('web', { from: INNER })).rcode, RCODE.nxDomain);
  });

  test('lets nothing out, whatever is asked (CVE-2024-29018)', async () => {
    setServers(FIRST, SECOND);
    for (const type of ['A', 'AAAA', 'TXT', 'MX', 'PTR', 'NULL'] as const) {
      assert.equal((await ask('data.exfiltrated.example', { from: INNER, type })).rcode, RCODE.nxDomain);
    }
    const [answer] = await askByTcp(['data.exfiltrated.example'], { from: INNER, to: INNER_GATEWAY });
    assert.equal(answer?.rcode, RCODE.nxDomain);
    // A neighbour in it has another network as well; who forges that one's address gets no further.
    ip('addr add 10.3.0.3/32 dev lo');
    assert.equal((await ask('forged.example', { from: '10.3.0.3', to: INNER_GATEWAY })).rcode, RCODE.nxDomain);
    assert.equal((await ask('forged.example', { from: DB, to: INNER_GATEWAY })).rcode, RCODE.refused);
    assert.equal((await ask('forged.example', { from: INNER, to: GATEWAY })).rcode, RCODE.refused);
    // What comes after all of them in the same way is there: nothing was still on its way.
    await ask('example.org');
    assert.deepEqual([...first.asked, ...second.asked], ['udp example.org']);
  });
});

describe('a connection', () => {
  const open = async (from: string) => {
    const socket = connect({ host: GATEWAY, port: 53, localAddress: from });
    await once(socket, 'connect');
    // Closed with what it did not read: a reset is an end as well.
    socket.on('error', () => undefined);
    return socket;
  };

  test('whose asker has said all is answered to the end', async () => {
    const socket = await open(WEB);
    const framed = frame(question('example.org'));
    socket.end(Buffer.concat([framed, frame(question('db')), framed.subarray(0, 9)]));
    const frames = new Frames(65_535);
    for await (const chunk of socket) frames.add(chunk as Buffer);
    const records = [frames.take(), frames.take()].map((message) => message && told(message).records);
    assert.deepEqual(records, [[DB], ['198.51.100.1']]);
  });

  test('that announces more than a question, or is one too many of its asker, is closed', async () => {
    const long = await open(WEB);
    const longEnded = once(long.resume(), 'close');
    long.write(Buffer.from([0xff, 0xff, 0]));
    await longEnded;
    const sockets = await Promise.all(Array.from({ length: 16 }, () => open(DB)));
    const tooMany = await open(DB);
    await once(tooMany.resume(), 'close');
    const [answer] = await askByTcp(['db']);
    assert.deepEqual(answer?.records, [DB]);
    for (const socket of sockets) socket.destroy();
    await until('others of that asker are taken again', async () => {
      const answers = await askByTcp(['db'], { from: DB }).catch(() => []);
      return answers.length > 0;
    });
  });

  test('of garbage does not hurt the server', async () => {
    for (const garbage of [
      Buffer.alloc(0),
      Buffer.alloc(4096),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0, 1, 7]),
    ]) {
      const socket = await open(WEB);
      const ended = once(socket.resume(), 'close');
      socket.end(garbage);
      await ended;
    }
    assert.deepEqual((await ask('db')).records, [DB]);
  });
});

describe('listening', () => {
  test('ends at once and begins again on the same addresses, connections or not', async () => {
    const socket = connect({ host: GATEWAY, port: 53, localAddress: WEB });
    await once(socket, 'connect');
    const closed = once(socket.resume(), 'close');
    for (let round = 0; round < 20; round++) {
      server.unlisten('front');
      await server.listen(front);
      await server.listen(front);
      assert.deepEqual((await ask('db')).records, [DB]);
    }
    await closed;
    server.close();
    assert.equal(ip('link show front').includes('front'), true);
    server = await serve();
    assert.deepEqual((await ask('db')).records, [DB]);
  });

  test('taken away before it was there, it does not come', async () => {
    const listening = server.listen({ id: 'late', gateways: ['10.1.0.9'], internal: false });
    server.unlisten('late');
    await server.listen({ id: 'later', gateways: ['10.1.0.9'], internal: false });
    server.unlisten('later');
    await listening;
    const other = createSocket('udp4');
    other.bind({ port: 53, address: '10.1.0.9', exclusive: true });
    await once(other, 'listening');
    other.close();
  });

  test('an address that is taken, or is not there, is named; the others are served', async () => {
    const taken = createSocket('udp4');
    taken.bind(53, '10.1.0.9');
    await once(taken, 'listening');
    const network = { id: 'odd', gateways: ['10.1.0.9', '10.99.0.1'], internal: false };
    await assert.rejects(server.listen(network), (error) => {
      assert.ok(error instanceof DnsListenError);
      const failures = error.failures.map(
        ({ protocol, address, port, code }) => `${protocol} ${address}:${port} ${code}`,
      );
      assert.deepEqual(failures.toSorted(), [
        'tcp 10.99.0.1:53 EADDRNOTAVAIL',
        'udp 10.1.0.9:53 EADDRINUSE',
        'udp 10.99.0.1:53 EADDRNOTAVAIL',
      ]);
      assert.match(error.message, /udp 10\.1\.0\.9 port 53: EADDRINUSE/);
      return true;
    });
    const socket = connect(53, '10.1.0.9');
    await once(socket, 'connect');
    socket.destroy();
    taken.close();
    server.unlisten('odd');
    assert.deepEqual((await ask('db')).records, [DB]);
  });
});

test('busybox and the C library of this machine find names from a namespace of their own', async () => {
  const conf = join(folder, 'container.conf');
  writeFileSync(conf, `nameserver ${GATEWAY}\nsearch corp.example\noptions ndots:0\n`);
  const child = spawn('unshare', ['--net', '--mount', 'sh', '-e'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  await until('it is in its namespace', () => {
    const inside = readlinkSync(`/proc/${String(child.pid)}/ns/net`);
    return inside !== MACHINE && inside !== readlinkSync('/proc/thread-self/ns/net');
  });
  ip(`link add host0 master front type veth peer name eth0 netns ${String(child.pid)}`);
  ip('link set host0 up');
  const names = { networkId: 'front', networkName: 'front', name: 'guest', aliases: [], ids: [], ipv4: '10.1.0.20' };
  table.attach({ container: 'guest', networks: [names] });
  first.reply = failing(RCODE.nxDomain);
  child.stdin.end(`
    ip addr add 10.1.0.20/24 dev eth0
    ip link set eth0 up
    mount --bind ${conf} /etc/resolv.conf
    getent ahosts web | sort -u
    getent hosts 10.1.0.3
    busybox nslookup db.
    getent hosts nobody || echo nobody is unknown
  `);
  const [code] = (await once(child, 'close')) as [number | null];
  const printed = await output;
  assert.equal(code, 0, printed);
  for (const expected of [
    /^10\.1\.0\.2 +STREAM/m,
    /^fd00:1::2 +STREAM/m,
    /^10\.1\.0\.3 +db\.front$/m,
    /10\.1\.0\.3\n/,
    /^nobody is unknown$/m,
  ]) {
    assert.match(printed, expected);
  }
  assert.deepEqual(logged, []);
});
