/**
 * Connect and disconnect that do not come to their end: refused half-way, or the daemon killed in their midst. How far
 * it came then is written into its registry and onto the host while it is away, as each of its steps would have left it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { HOST, NetworkRoom, OUTSIDE, type Listener, type Networked } from '../harness/network.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('plan', { subnets: [{ subnet: '10.77.0.0/24' }, { subnet: 'fd77::/64' }] });
  await room.network('side', { subnets: [{ subnet: '10.78.0.0/24' }, { subnet: 'fd78::/64' }] });
});
after(() => room.close());

const connect = (container: string, more: Record<string, unknown> = {}) =>
  room.daemon.client.must('POST', '/v1/networks/side/connect', { container, ...more });
const on = (...names: string[]) => ({ networks: names.map((network) => ({ network })) });
const links = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname);
const veths = (): string[] => links().filter((name) => name.startsWith('tv'));

/** Whether an event tells of `action` on the container. */
async function told(action: string, id: string): Promise<boolean> {
  const now = new Date().toISOString();
  const body = await room.daemon.client.must<string>(
    'GET',
    `/v1/events?since=0&until=${now}&container=${id}&action=${action}`,
  );
  return body.includes(`"${action}"`);
}

interface Left {
  /** What the endpoint was in the midst of; null: nothing. */
  readonly intent: 'connect' | 'disconnect' | null;
  /** Its interface is there no more, or not yet. */
  readonly isWithoutVeth?: boolean;
}

/** Kills the daemon, leaves the container's endpoint in the network as said, and starts a new one. */
async function crash(id: string, network: string, { intent, isWithoutVeth = false }: Left): Promise<string> {
  const known = room.daemon.output.split('every container is reconciled').length;
  await room.daemon.end('SIGKILL');
  const database = new Sqlite(join(room.daemon.root, 'tare.db'));
  const where = `container = ? AND network = (SELECT id FROM networks WHERE name = ?)`;
  const { veth } = database.prepare(`SELECT host_interface AS veth FROM endpoints WHERE ${where}`).get(id, network) as {
    veth: string;
  };
  database.prepare(`UPDATE endpoints SET intent = ? WHERE ${where}`).run(intent, id, network);
  database.close();
  if (isWithoutVeth) room.host.ip('link', 'delete', veth);
  await room.daemon.start();
  await until(
    'every container is reconciled',
    () => room.daemon.output.split('every container is reconciled').length > known,
  );
  return veth;
}

/** It is on `plan` alone, its address in `side` is free, and it can be connected as if nothing had been. */
async function isOff({ id, place }: Listener, address: string): Promise<void> {
  assert.deepEqual((await room.inspect(id)).networks, ['plan']);
  assert.doesNotMatch(place.ip('link'), /eth1/);
  assert.doesNotMatch((await place.run('cat', '/etc/hosts')).stdout, /10\.78\./);
  const heir = await room.idle({ network: { networks: [{ network: 'side', ipv4: address }] } });
  assert.equal(heir.v4, address);
  await room.remove(heir);
  await connect(id);
  assert.match(place.ip('-o', 'address', 'show', 'eth1'), /inet 10\.78\./);
}

test('a connect whose ports are taken is as if it had not been asked for', async () => {
  const publish = [{ hostPort: 8080, containerPort: 80 }];
  const owner = await room.listener(['tcp:80'], { network: { ...on('plan'), publish } });
  await room.network('inner', { internal: true });
  const c = await room.idle({ network: { ...on('inner'), publish } });
  const before = veths();
  const { status, body } = await room.daemon.client.send<{ code: string }>('POST', '/v1/networks/side/connect', {
    container: c.id,
    ipv4: '10.78.0.66',
  });
  assert.deepEqual([status, body.code], [409, 'port_taken'], JSON.stringify(body));
  assert.deepEqual(veths(), before);
  assert.deepEqual((await room.inspect(c.id)).networks, ['inner']);
  assert.doesNotMatch(c.place.ip('link'), /eth1/);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${owner.v4}`);
  await room.remove(owner);
  await connect(c.id, { ipv4: '10.78.0.66' });
  assert.equal(sideOf(await room.inspect(c.id)), '10.78.0.66');
  await room.remove(c);
  await room.daemon.client.must('DELETE', '/v1/networks/inner');
});

const sideOf = ({ endpoints }: Networked): string =>
  endpoints.find(({ networkName }) => networkName === 'side')?.ipv4?.split('/')[0] ?? '';

for (const asked of [undefined, '10.78.0.77']) {
  for (const isWithoutVeth of [true, false]) {
    const name = `a connect ${asked === undefined ? '' : 'with an address of its own '}that was cut off ${isWithoutVeth ? 'before' : 'after'} its interface was made`;
    test(name, async () => {
      const c = await room.idle({ network: on('plan') });
      await connect(c.id, asked === undefined ? {} : { ipv4: asked });
      const address = sideOf(await room.inspect(c.id));
      const veth = await crash(c.id, 'side', { intent: 'connect', isWithoutVeth });
      assert.ok(!links().includes(veth), `${veth} is left`);
      assert.ok(!(await told('disconnect', c.id)), 'the end of what never was is told');
      await isOff(c, address);
      await room.remove(c);
    });
  }
}

for (const isWithoutVeth of [true, false]) {
  test(`a disconnect that was cut off ${isWithoutVeth ? 'after' : 'before'} its interface went`, async () => {
    const c = await room.idle({ network: on('plan', 'side') });
    const address = sideOf(await room.inspect(c.id));
    const veth = await crash(c.id, 'side', { intent: 'disconnect', isWithoutVeth });
    assert.ok(!links().includes(veth), `${veth} is left`);
    assert.ok(await told('disconnect', c.id));
    await isOff(c, address);
    await room.remove(c);
  });
}

test('the one with the default route goes: routes and published ports follow to the next', async () => {
  const publish = [{ hostPort: 8080, containerPort: 80 }];
  const c = await room.listener(['tcp:80'], { network: { ...on('plan', 'side'), publish } });
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${c.v4}`);
  await crash(c.id, 'plan', { intent: 'disconnect', isWithoutVeth: true });
  const shown = await room.inspect(c.id);
  assert.deepEqual(shown.networks, ['side']);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${sideOf(shown)}`);
  assert.match(c.place.ip('route'), /default via 10\.78\.0\.1 dev eth1/);
  assert.match(c.place.ip('-6', 'route'), /default via fd78::1 dev eth1/);
  await room.remove(c);
});

test('an interface that somebody else took away: the network stays the container’s, for its next start', async () => {
  const publish = [{ hostPort: 8080, containerPort: 80 }];
  const id = await room.daemon.create(['talk', 'serve', 'tcp:80'], {
    name: 'robbed',
    network: { ...on('plan'), publish },
  });
  const c = await room.started(id);
  const witness = await room.idle({ network: on('plan') });
  await crash(id, 'plan', { intent: null, isWithoutVeth: true });
  const { networks, endpoints } = await room.inspect(id);
  assert.deepEqual([networks, endpoints[0]?.ipv4], [['plan'], undefined]);
  assert.match(await witness.place.ask('tcp', 'robbed', 80), /^resolve /);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), 'connect ECONNREFUSED');
  const heir = await room.idle({ network: { networks: [{ network: 'plan', ipv4: c.v4 }] } });
  assert.equal(heir.v4, c.v4);
  await room.daemon.client.must('POST', `/v1/containers/${id}/restart`, { timeout: 0 });
  const again = await room.inspect(id);
  await until('it answers', async () =>
    (await room.outside.ask('tcp', HOST.v4, 8080)).endsWith(` ${again.endpoints[0]?.ipv4?.split('/')[0]}`),
  );
  await room.remove(id, witness, heir);
});

test('one that ended while there was no daemon is off as well', async () => {
  const others = new Set(links());
  const c = await room.idle({ network: on('plan', 'side') });
  const own = links().filter((name) => !others.has(name));
  const pid = await room.daemon.hostPid(c.id);
  const { endpoints } = await room.inspect(c.id);
  await room.daemon.end('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await until('its interfaces are gone', () => !links().some((name) => own.includes(name)));
  await room.daemon.start();
  await until('its end is known', async () => (await room.inspect(c.id)).status === 'stopped');
  // Its row as a disconnect leaves it that is cut off once the container has ended.
  await room.daemon.end('SIGKILL');
  const database = new Sqlite(join(room.daemon.root, 'tare.db'));
  database
    .prepare(`UPDATE endpoints SET intent = 'disconnect' WHERE container = ? AND network = ?`)
    .run(c.id, endpoints[1]?.network);
  database.close();
  await room.daemon.start();
  assert.deepEqual((await room.inspect(c.id)).networks, ['plan']);
  await room.started(c.id);
  await room.remove(c);
});
