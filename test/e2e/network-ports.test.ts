/** Published ports: who reaches them, by which address, and as whom. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { HOST, NetworkRoom, OUTSIDE } from '../harness/network.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
});
after(() => room.close());

const PROTOCOLS = ['tcp', 'udp'] as const;
const ANY_SERVER = ['tcp:80', 'udp:80'];
/** Of both protocols at one port of the host. */
const both = (hostPort: number, more: Record<string, unknown> = {}) =>
  PROTOCOLS.map((protocol) => ({ hostPort, containerPort: 80, protocol, ...more }));
const publish = (...ports: Record<string, unknown>[]) => ({ network: { publish: ports } });
const refused = /^(connect|answer) (ECONNREFUSED|ETIMEDOUT)$/;
const ruleset = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });

test('outside reaches a published port by every address, and the container sees who it is', async () => {
  const c = await room.listener([...ANY_SERVER, 'tcp:81'], publish(...both(8080)));
  for (const protocol of PROTOCOLS) {
    for (const address of [HOST.v4, HOST.second4])
      assert.equal(await room.outside.ask(protocol, address, 8080), `${OUTSIDE.v4} ${c.v4}`);
    for (const address of [HOST.v6, HOST.second6])
      assert.equal(await room.outside.ask(protocol, address, 8080), `${OUTSIDE.v6} ${c.v6}`);
    assert.match(await room.outside.askInVain(protocol, HOST.v4, 8081), refused);
  }
  assert.equal(
    await room.outside.ask('tcp', HOST.v4, 8080, { from: OUTSIDE.far4 }).catch(String),
    `${OUTSIDE.far4} ${c.v4}`,
  );
  await room.remove(c);
  for (const address of [HOST.v4, HOST.v6]) assert.match(await room.outside.askInVain('tcp', address, 8080), refused);
});

test('the host itself reaches it by any of its addresses, by loopback, and by the gateway', async () => {
  const c = await room.listener(ANY_SERVER, publish(...both(8080)));
  const [endpoint] = (await room.inspect(c.id)).endpoints;
  for (const protocol of PROTOCOLS) {
    for (const address of [HOST.v4, HOST.second4, '127.0.0.1', endpoint?.gateway4 ?? ''])
      assert.match(await room.host.ask(protocol, address, 8080), new RegExp(` ${c.v4}$`), `${protocol} ${address}`);
    for (const address of [HOST.v6, HOST.second6, '::1', endpoint?.gateway6 ?? ''])
      assert.match(await room.host.ask(protocol, address, 8080), new RegExp(` ${c.v6}$`), `${protocol} ${address}`);
    // And directly.
    assert.equal(await room.host.ask(protocol, c.v4, 80), `${endpoint?.gateway4} ${c.v4}`);
    assert.equal(await room.host.ask(protocol, c.v6, 80), `${endpoint?.gateway6} ${c.v6}`);
  }
  await room.remove(c);
});

test('containers reach it by the addresses of the host: its own, of its network, of another', async () => {
  await room.network('elsewhere');
  const c = await room.listener(ANY_SERVER, publish(...both(8080)));
  const neighbour = await room.idle();
  const stranger = await room.idle({ network: { networks: [{ network: 'elsewhere' }] } });
  for (const { place } of [c, neighbour, stranger]) {
    for (const protocol of PROTOCOLS) {
      for (const address of [HOST.v4, HOST.second4])
        assert.match(await place.ask(protocol, address, 8080), new RegExp(` ${c.v4}$`), `${protocol} ${address}`);
      assert.match(await place.ask(protocol, HOST.v6, 8080), new RegExp(` ${c.v6}$`), `${protocol} ${HOST.v6}`);
    }
  }
  await room.remove(c, neighbour, stranger);
});

test('a port of one address answers there alone', async () => {
  const c = await room.listener(
    ANY_SERVER,
    publish(
      ...both(8080, { hostAddress: HOST.second4 }),
      ...both(8081, { hostAddress: '127.0.0.1' }),
      ...both(8082, { hostAddress: '::1' }),
      ...both(8083, { hostAddress: '0.0.0.0' }),
      ...both(8084, { hostAddress: '::' }),
      ...both(8085, { hostAddress: HOST.v6 }),
    ),
  );
  const answers: Record<number, string[]> = {
    8080: [HOST.second4],
    8081: [],
    8082: [],
    8083: [HOST.v4, HOST.second4],
    8084: [HOST.v6, HOST.second6],
    8085: [HOST.v6],
  };
  for (const protocol of PROTOCOLS) {
    for (const [port, addresses] of Object.entries(answers)) {
      for (const address of [HOST.v4, HOST.second4, HOST.v6, HOST.second6]) {
        const of = address.includes(':') ? c.v6 : c.v4;
        const from = address.includes(':') ? OUTSIDE.v6 : OUTSIDE.v4;
        const what = `${protocol} ${address} ${port}`;
        if (addresses.includes(address))
          assert.equal(await room.outside.ask(protocol, address, Number(port)), `${from} ${of}`, what);
        else assert.match(await room.outside.askInVain(protocol, address, Number(port)), refused, what);
      }
    }
    assert.match(await room.host.ask(protocol, '127.0.0.1', 8081), new RegExp(` ${c.v4}$`));
    assert.match(await room.host.ask(protocol, '::1', 8082), new RegExp(` ${c.v6}$`));
    assert.match(await room.host.askInVain(protocol, HOST.v4, 8081), refused);
    assert.match(await room.host.askInVain(protocol, '127.0.0.1', 8082), refused);
  }
  await room.remove(c);
});

test('a range leads port by port, and a port that nobody asked for is chosen', async () => {
  const c = await room.listener(
    ['tcp:7000', 'tcp:7005', 'tcp:7019', 'tcp:80'],
    publish({ hostPort: 9000, containerPort: 7000, count: 20 }, { containerPort: 80 }),
  );
  for (const offset of [0, 5, 19])
    assert.equal(await room.outside.ask('tcp', HOST.v4, 9000 + offset), `${OUTSIDE.v4} ${c.v4}`);
  for (const port of [9001, 9004, 9006, 9018, 9020, 8999])
    assert.equal(await room.outside.ask('tcp', HOST.v4, port), 'connect ECONNREFUSED', String(port));
  const { ports } = await room.inspect(c.id);
  const chosen = ports.find(({ containerPort }) => containerPort === 80)?.hostPort ?? 0;
  assert.ok(chosen >= 1024, JSON.stringify(ports));
  assert.equal(await room.outside.ask('tcp', HOST.v4, chosen), `${OUTSIDE.v4} ${c.v4}`);
  assert.equal(await room.outside.ask('tcp', HOST.v6, chosen), `${OUTSIDE.v6} ${c.v6}`);
  await room.remove(c);
});

/** Starts, and shows why it did not. */
async function taken(id: string): Promise<Problem> {
  const { status, body } = await room.daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
  assert.equal(status, 409, JSON.stringify(body));
  assert.equal(body.code, 'port_taken');
  return body;
}

test('a port that a container has is refused by name, and free again when that one ends', async () => {
  const owner = await room.listener(['tcp:80'], { name: 'first', ...publish({ hostPort: 8080, containerPort: 80 }) });
  for (const ports of [
    [{ hostPort: 8080, containerPort: 1 }],
    [{ hostPort: 8070, containerPort: 1, count: 20 }],
    [{ hostPort: 8080, containerPort: 1, hostAddress: HOST.second4 }],
    [
      { hostPort: 8079, containerPort: 1 },
      { hostPort: 8080, containerPort: 1, hostAddress: '::1' },
    ],
  ]) {
    const id = await room.daemon.create(['sleep', '1000000'], publish(...ports));
    const { detail } = await taken(id);
    assert.match(detail, /8080.*first|first.*8080/);
    assert.equal((await room.inspect(id)).status, 'created');
    await room.remove(id);
  }
  // Nothing of what failed is left: neither the port beside it nor anything of the address.
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8079), 'connect ECONNREFUSED');
  const udp = await room.listener(['udp:80'], publish({ hostPort: 8080, containerPort: 80, protocol: 'udp' }));
  assert.equal(await room.outside.ask('udp', HOST.v4, 8080), `${OUTSIDE.v4} ${udp.v4}`);
  const next = await room.daemon.create(['talk', 'serve', 'tcp:80'], publish({ hostPort: 8080, containerPort: 80 }));
  await room.daemon.client.must('POST', `/v1/containers/${owner.id}/kill`);
  await room.daemon.client.must('GET', `/v1/containers/${owner.id}/wait`);
  const { v4 } = await room.started(next);
  await room.listens(next);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${v4}`);
  await room.remove(owner, udp, next);
});

test('a port that a process of the host has is refused, and stays its own', async () => {
  for (const spec of ['tcp:9999', `tcp:${HOST.v4},9999`, 'tcp:127.0.0.1,9999', 'tcp:::1,9999', 'udp:9999']) {
    const server = await room.host.serve(spec);
    const protocol = spec.slice(0, 3);
    const ports = publish({ hostPort: 9990, containerPort: 1, count: 20, protocol });
    const id = await room.daemon.create(['sleep', '1000000'], ports);
    assert.match((await taken(id)).detail, /9999/, spec);
    await server.end();
    await room.started(id);
    await room.remove(id);
  }
});

test('update publishes and takes back on a running container; what stays is not interrupted', async () => {
  const c = await room.listener(ANY_SERVER, publish({ hostPort: 8080, containerPort: 80 }));
  const asker = room.outside.keepAsking('tcp', HOST.v4, 8080);
  const update = (...ports: Record<string, unknown>[]) =>
    room.daemon.client.send<Problem>('POST', `/v1/containers/${c.id}/update`, { publish: ports });
  const [first, second] = [
    { hostPort: 8080, containerPort: 80 },
    { hostPort: 8090, containerPort: 80, protocol: 'udp' },
  ];
  assert.equal((await update(first, second)).status, 204);
  assert.equal(await room.outside.ask('udp', HOST.v4, 8090), `${OUTSIDE.v4} ${c.v4}`);
  const shown = (await room.inspect(c.id)).ports.map(
    ({ hostAddress, hostPort, protocol }) => `${hostAddress} ${hostPort} ${protocol}`,
  );
  assert.deepEqual(shown.sort(), ['0.0.0.0 8080 tcp', '0.0.0.0 8090 udp', ':: 8080 tcp', ':: 8090 udp']);
  const server = await room.host.serve('tcp:9999');
  const { status, body } = await update(second, { hostPort: 9999, containerPort: 80 });
  assert.deepEqual([status, body.code], [409, 'port_taken']);
  assert.equal(await room.outside.ask('udp', HOST.v4, 8090), `${OUTSIDE.v4} ${c.v4}`);
  await server.end();
  assert.equal(await asker.end(), `${OUTSIDE.v4} ${c.v4}`);
  assert.equal((await update()).status, 204);
  assert.match(await room.outside.askInVain('tcp', HOST.v4, 8080), refused);
  assert.match(await room.outside.askInVain('udp', HOST.v4, 8090), refused);
  assert.deepEqual((await room.inspect(c.id)).ports, []);
  await room.remove(c);
});

/** Every process of the machine but this test's own. */
const processes = (): number =>
  readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parent(pid) === room.daemon.pid).length;

function parent(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch (error) {
    // Ignored: it has ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

test('1,000 ports of one container, each a mapping of its own: no process, and no trace afterwards', async () => {
  const c = await room.listener(['tcp:1', 'tcp:500', 'tcp:1000']);
  const [rules, children] = [ruleset(), processes()];
  const ports = Array.from({ length: 1000 }, (_, i) => ({ hostPort: 20_000 + 2 * i, containerPort: 1 + i }));
  await room.daemon.client.must('POST', `/v1/containers/${c.id}/update`, { publish: ports });
  for (const containerPort of [1, 500, 1000])
    assert.equal(await room.outside.ask('tcp', HOST.v4, 19_998 + 2 * containerPort), `${OUTSIDE.v4} ${c.v4}`);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 20_001), 'connect ECONNREFUSED');
  assert.equal(processes(), children);
  // Of both families.
  assert.equal((await room.inspect(c.id)).ports.length, 2000);
  await room.daemon.client.must('POST', `/v1/containers/${c.id}/update`, { publish: [] });
  assert.equal(ruleset(), rules);
  const all = await room.daemon.create(['talk', 'serve', 'tcp:1000'], publish(...ports));
  const { v4 } = await room.started(all);
  await room.listens(all);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 21_998), `${OUTSIDE.v4} ${v4}`);
  await room.remove(all);
  assert.equal(ruleset(), rules);
  await room.remove(c);
});

test('sctp is published too, as far as rules go: this kernel need not have the protocol', async () => {
  const c = await room.idle(publish({ hostPort: 9899, containerPort: 9899, protocol: 'sctp' }));
  assert.match(ruleset(), /sctp/);
  assert.match(ruleset(), /9899/);
  await room.remove(c);
  assert.doesNotMatch(ruleset(), /9899/);
});

test('--publish-address is where ports are published that do not say where', async () => {
  const narrow = await NetworkRoom.open({ args: ['--publish-address', '127.0.0.1'] });
  try {
    const c = await narrow.listener(
      ['tcp:80'],
      publish({ hostPort: 8080, containerPort: 80 }, { hostPort: 8081, containerPort: 80, hostAddress: '0.0.0.0' }),
    );
    assert.match(await narrow.host.ask('tcp', '127.0.0.1', 8080), new RegExp(` ${c.v4}$`));
    assert.match(await narrow.outside.askInVain('tcp', HOST.v4, 8080), refused);
    assert.equal(await narrow.outside.ask('tcp', HOST.v4, 8081), `${OUTSIDE.v4} ${c.v4}`);
  } finally {
    await narrow.close();
  }
});
