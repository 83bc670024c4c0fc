/** Bad input about networks is refused by the name of its field, and nothing is half done. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { NetworkRoom } from '../harness/network.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('plan', {
    subnets: [
      { subnet: '10.77.0.0/24', gateway: '10.77.0.254' },
      { subnet: 'fd77::/64', gateway: 'fd77::1' },
    ],
  });
});
after(() => room.close());

const send = (path: string, body: unknown) => room.daemon.client.send<Problem>('POST', path, body);
const create = (request: Record<string, unknown>) =>
  send('/v1/containers', { rootfs: room.daemon.rootfs, command: ['sleep', '1000000'], ...request });
const containers = () => room.daemon.client.must<unknown[]>('GET', '/v1/containers?all=true');
const networks = () => room.daemon.client.must<{ name: string }[]>('GET', '/v1/networks');

interface Refusal {
  readonly what: string;
  readonly body: Record<string, unknown>;
  readonly field: string;
  readonly status?: number;
  readonly says?: RegExp;
}

const on = (more: Record<string, unknown>) => ({ network: { networks: [{ network: 'plan', ...more }] } });
const publish = (...ports: Record<string, unknown>[]) => ({ network: { publish: ports } });
const P = 'network.publish[0]';
const E = 'network.networks[0]';
const LONG = 'sixteen-letters-';

const CONTAINERS: readonly Refusal[] = [
  {
    what: 'an address outside of the subnet',
    body: on({ ipv4: '10.78.0.5' }),
    field: `${E}.ipv4`,
    says: /10\.77\.0\.0\/24/,
  },
  { what: 'one of IPv6', body: on({ ipv6: 'fd78::5' }), field: `${E}.ipv6`, says: /fd77::\/64/ },
  { what: 'the gateway', body: on({ ipv4: '10.77.0.254' }), field: `${E}.ipv4`, says: /gateway/ },
  { what: 'the gateway of IPv6', body: on({ ipv6: 'fd77::1' }), field: `${E}.ipv6`, says: /gateway/ },
  { what: 'the network itself', body: on({ ipv4: '10.77.0.0' }), field: `${E}.ipv4` },
  { what: 'the broadcast address', body: on({ ipv4: '10.77.0.255' }), field: `${E}.ipv4` },
  { what: 'an address of the other family', body: on({ ipv4: 'fd77::5' }), field: `${E}.ipv4` },
  { what: 'no address', body: on({ ipv4: '10.77.0.999' }), field: `${E}.ipv4` },
  { what: 'a multicast hardware address', body: on({ mac: '01:00:5e:00:00:01' }), field: `${E}.mac` },
  {
    what: 'an unknown network',
    body: { network: { networks: [{ network: 'nowhere' }] } },
    field: `${E}.network`,
    says: /nowhere/,
  },
  {
    what: 'a network twice',
    body: { network: { networks: [{ network: 'plan' }, { network: 'plan' }] } },
    field: 'network.networks[1].network',
  },
  { what: 'an interface of 16 bytes', body: on({ interface: LONG }), field: `${E}.interface` },
  { what: 'an interface with a slash', body: on({ interface: 'eth/0' }), field: `${E}.interface` },
  { what: 'port 0', body: publish({ containerPort: 0 }), field: `${P}.containerPort` },
  { what: 'port 70000', body: publish({ containerPort: 80, hostPort: 70_000 }), field: `${P}.hostPort` },
  { what: 'port 0 of the host', body: publish({ containerPort: 80, hostPort: 0 }), field: `${P}.hostPort` },
  {
    what: 'a range past the end',
    body: publish({ containerPort: 80, hostPort: 65_000, count: 1000 }),
    field: `${P}.count`,
  },
  { what: 'an unknown protocol', body: publish({ containerPort: 80, protocol: 'icmp' }), field: `${P}.protocol` },
  {
    what: 'an address that is none',
    body: publish({ containerPort: 80, hostAddress: '1.2.3' }),
    field: `${P}.hostAddress`,
  },
  {
    what: 'a port twice',
    body: publish({ containerPort: 80, hostPort: 8080 }, { containerPort: 81, hostPort: 8080 }),
    field: 'network.publish[1].hostPort',
  },
  {
    what: 'a port twice, by a range',
    body: publish({ containerPort: 80, hostPort: 8080, count: 10 }, { containerPort: 81, hostPort: 8085 }),
    field: 'network.publish[1].hostPort',
  },
  {
    what: 'ports in mode host',
    body: { network: { mode: 'host', publish: [{ containerPort: 80 }] } },
    field: 'network.publish',
  },
  {
    what: 'networks in mode none',
    body: { network: { mode: 'none', networks: [{ network: 'plan' }] } },
    field: 'network.networks',
  },
  { what: 'a mode that is none', body: { network: { mode: 'bride' } }, field: 'network.mode' },
  {
    what: 'container: of nobody',
    body: { network: { mode: 'container:nobody' } },
    field: 'network.mode',
    says: /nobody/,
  },
  { what: 'an alias with a blank', body: on({ aliases: ['a b'] }), field: `${E}.aliases[0]` },
  {
    what: 'a line of hosts that would be two',
    body: { network: { hosts: [{ name: 'a\nb', address: '1.1.1.1' }] } },
    field: 'network.hosts[0].name',
  },
  {
    what: 'interfaces in mode host',
    body: { network: { mode: 'host' }, interfaces: [{ name: 'a0', add: 'veth' }] },
    field: 'interfaces',
  },
  {
    what: 'an interface of 16 bytes of one’s own',
    body: { interfaces: [{ name: LONG, add: 'veth' }] },
    field: 'interfaces[0].name',
  },
  { what: 'one with a slash', body: { interfaces: [{ name: 'a/b', add: 'veth' }] }, field: 'interfaces[0].name' },
  { what: 'one that is called ..', body: { interfaces: [{ name: '..', add: 'veth' }] }, field: 'interfaces[0].name' },
];

for (const { what, body, field, status = 400, says } of CONTAINERS) {
  test(`a container with ${what} is refused: ${field}`, async () => {
    const before = (await containers()).length;
    const answer = await create(body);
    assert.deepEqual(
      [answer.body.field, answer.status >= status && answer.status < 500],
      [field, true],
      JSON.stringify(answer.body),
    );
    if (says !== undefined) assert.match(answer.body.detail, says);
    assert.equal((await containers()).length, before);
  });
}

const NETWORKS: readonly Refusal[] = [
  {
    what: 'a subnet that another network has',
    body: { subnets: [{ subnet: '10.77.0.128/25' }] },
    field: 'subnets[0].subnet',
    says: /plan|10\.77\.0\.0\/24/,
  },
  {
    what: 'a subnet that has another network',
    body: { subnets: [{ subnet: '10.0.0.0/8' }] },
    field: 'subnets[0].subnet',
  },
  { what: 'a subnet that the host has', body: { subnets: [{ subnet: '203.0.113.0/25' }] }, field: 'subnets[0].subnet' },
  { what: 'a subnet with bits of a host', body: { subnets: [{ subnet: '10.90.0.1/24' }] }, field: 'subnets[0].subnet' },
  { what: 'a subnet without room', body: { subnets: [{ subnet: '10.90.0.0/32' }] }, field: 'subnets[0].subnet' },
  { what: 'no subnet', body: { subnets: [{ subnet: '10.90.0.0/33' }] }, field: 'subnets[0].subnet' },
  {
    what: 'two of one family',
    body: { subnets: [{ subnet: '10.90.0.0/24' }, { subnet: '10.91.0.0/24' }] },
    field: 'subnets[1].subnet',
  },
  {
    what: 'a gateway outside of its subnet',
    body: { subnets: [{ subnet: '10.90.0.0/24', gateway: '10.91.0.1' }] },
    field: 'subnets[0].gateway',
  },
  {
    what: 'a range outside of its subnet',
    body: { subnets: [{ subnet: '10.90.0.0/24', range: '10.91.0.0/25' }] },
    field: 'subnets[0].range',
  },
  { what: 'a loopback subnet', body: { subnets: [{ subnet: '127.5.0.0/16' }] }, field: 'subnets[0].subnet' },
  { what: 'a multicast subnet', body: { subnets: [{ subnet: '224.1.0.0/16' }] }, field: 'subnets[0].subnet' },
  { what: 'a bridge of 16 bytes', body: { bridge: LONG }, field: 'bridge' },
  { what: 'a bridge with a slash', body: { bridge: 'br/0' }, field: 'bridge' },
  { what: 'a bridge that is the host’s interface', body: { bridge: 'up0' }, field: 'bridge' },
  { what: 'an MTU below that of IPv6', body: { mtu: 576 }, field: 'mtu' },
  { what: 'another driver', body: { driver: 'overlay' }, field: 'driver' },
  { what: 'what nobody knows', body: { attachable: true }, field: 'attachable' },
];

for (const { what, body, field, status = 400, says } of NETWORKS) {
  test(`a network with ${what} is refused: ${field}`, async () => {
    const before = (await networks()).length;
    const answer = await send('/v1/networks', { name: 'bad', ...body });
    assert.deepEqual(
      [answer.body.field, answer.status >= status && answer.status < 500],
      [field, true],
      JSON.stringify(answer.body),
    );
    if (says !== undefined) assert.match(answer.body.detail, says);
    assert.equal((await networks()).length, before);
  });
}

test('a name that another network has, or that means something else, is refused', async () => {
  for (const name of ['plan', 'none', 'host', 'bridge']) {
    const { status, body } = await send('/v1/networks', { name });
    assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
    assert.match(body.detail, new RegExp(name));
  }
});

test('connect: who has no network of its own, and what is not there', async () => {
  const idle = (mode: string) => room.idle({ network: { mode } });
  const [none, host, bridge] = [await idle('none'), await idle('host'), await idle('bridge')];
  const guest = await idle(`container:${bridge.id}`);
  for (const { id } of [none, host, guest]) {
    const { status, body } = await send('/v1/networks/plan/connect', { container: id });
    assert.ok(status >= 400 && status < 500, JSON.stringify(body));
    assert.match(body.detail, /none|host|container:/);
  }
  for (const network of ['none', 'host', 'nowhere'])
    assert.equal((await send(`/v1/networks/${network}/connect`, { container: bridge.id })).status, 404);
  assert.equal((await send('/v1/networks/plan/connect', { container: 'nobody' })).status, 404);
  const wrong = async (more: Record<string, unknown>) =>
    (await send('/v1/networks/plan/connect', { container: bridge.id, ...more })).body.field;
  assert.equal(await wrong({ ipv4: '10.78.0.1' }), 'ipv4');
  assert.equal(await wrong({ ipv4: '10.77.0.254' }), 'ipv4');
  assert.equal(await wrong({ interface: 'eth0' }), 'interface');
  assert.equal(await wrong({ interface: LONG }), 'interface');
  const { status } = await send('/v1/networks/plan/disconnect', { container: bridge.id });
  assert.ok(status >= 400 && status < 500, String(status));
  assert.deepEqual((await room.inspect(bridge.id)).networks, ['bridge']);
  await room.remove(guest, none, host, bridge);
});

test('an address that is taken, while its owner runs and while it does not', async () => {
  const owner = await room.idle({ name: 'owner', ...on({ ipv4: '10.77.0.9' }) });
  const other = await room.idle();
  for (const state of ['running', 'stopped']) {
    const created = await create(on({ ipv4: '10.77.0.9' }));
    assert.deepEqual([created.status, created.body.field], [409, `${E}.ipv4`], state);
    const connected = await send('/v1/networks/plan/connect', { container: other.id, ipv4: '10.77.0.9' });
    assert.deepEqual([connected.status, connected.body.field], [409, 'ipv4'], state);
    await room.daemon.client.must('POST', `/v1/containers/${owner.id}/stop`, { timeout: 0 });
  }
  // Nor one that somebody was given who did not ask for it.
  const dynamic = await room.idle(on({}));
  assert.equal((await create(on({ ipv4: dynamic.v4 }))).status, 409);
  await room.remove(owner, other, dynamic);
});

test('a network in use is not removed, whether its container runs or not', async () => {
  await room.network('used');
  const { id } = await room.idle({ name: 'user', network: { networks: [{ network: 'used' }] } });
  for (const state of ['running', 'stopped']) {
    const { status, body } = await room.daemon.client.send<Problem>('DELETE', '/v1/networks/used');
    assert.equal(status, 409, state);
    assert.match(body.detail, /user/);
    await room.daemon.client.must('POST', `/v1/containers/${id}/stop`, { timeout: 0 });
  }
  await room.remove(id);
  await room.daemon.client.must('DELETE', '/v1/networks/used');
  assert.equal((await room.daemon.client.send('DELETE', '/v1/networks/used')).status, 404);
});

test('an unknown kind of interface is refused with the kernel’s own words, and the start leaves nothing', async () => {
  const { status, body } = await create({ network: { mode: 'none' }, interfaces: [{ name: 'a0', add: 'nosuchkind' }] });
  assert.equal(status, 201, JSON.stringify(body));
  const { id } = body as unknown as { id: string };
  const started = await send(`/v1/containers/${id}/start`, undefined);
  assert.ok(started.status >= 400 && started.status < 500, String(started.status));
  assert.match(started.body.detail, /interfaces\[0\]\.add.*Unknown device type/);
  assert.equal((await room.inspect(id)).status, 'created');
  await room.remove(id);
});

test('publish by update is checked as at create', async () => {
  const { id } = await room.idle();
  const wrong = async (...ports: unknown[]) =>
    (await send(`/v1/containers/${id}/update`, { publish: ports })).body.field;
  assert.equal(await wrong({ containerPort: 0 }), 'publish[0].containerPort');
  assert.equal(await wrong({ containerPort: 1, hostPort: 70_000 }), 'publish[0].hostPort');
  const port = { containerPort: 1, hostPort: 8080 };
  assert.equal(await wrong(port, port), 'publish[1].hostPort');
  assert.deepEqual((await room.inspect(id)).ports, []);
  await room.remove(id);
});
