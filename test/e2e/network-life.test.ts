/** Networks along the lives of containers and daemons: restarts, failures, other kinds of containers, a second daemon. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { HOST, NetworkRoom, OUTSIDE, WORLD } from '../harness/network.ts';
import { compileTalk } from '../harness/place.ts';
import { makeRootfs } from '../harness/rootfs.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('plan', { subnets: [{ subnet: '10.77.0.0/24' }, { subnet: 'fd77::/64' }] });
});
after(() => room.close());

const ruleset = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
const links = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort();
const post = (path: string, body?: unknown) => room.daemon.client.send<Problem>('POST', path, body);

test('restarted over and over, with an address and a port of its own', async () => {
  const id = await room.daemon.create(['talk', 'serve', 'tcp:80'], {
    name: 'phoenix',
    network: {
      networks: [{ network: 'plan', ipv4: '10.77.0.9', ipv6: 'fd77::9' }],
      publish: [{ hostPort: 8080, containerPort: 80 }],
    },
  });
  await room.daemon.client.must('POST', `/v1/containers/${id}/start`);
  const witness = await room.idle({ network: { networks: [{ network: 'plan' }] } });
  for (let i = 0; i < 10; i++) {
    await until('it answers outside', async () =>
      (await room.outside.ask('tcp', HOST.v4, 8080)).endsWith(' 10.77.0.9'),
    );
    await until('and by name', async () => {
      const answer = await witness.place.ask('tcp', 'phoenix', 80, { family: 6 });
      return answer === `${witness.v6} fd77::9`;
    });
    await room.daemon.client.must('POST', `/v1/containers/${id}/restart`, { timeout: 0 });
  }
  await room.remove(id, witness);
});

test('a start that fails gives back addresses, ports and interfaces, a hundred times', async () => {
  await room.network('tiny', { subnets: [{ subnet: '10.79.0.0/29' }], ipv6: false });
  const network = { networks: [{ network: 'tiny' }], publish: [{ hostPort: 8080, containerPort: 80 }] };
  const bad = await room.daemon.create(['/no/such/program'], { network });
  const rules = ruleset();
  for (let i = 0; i < 100; i++) {
    const { status, body } = await post(`/v1/containers/${bad}/start`);
    assert.ok(status >= 400, String(status));
    // Its last interface may still be on its way out: an address is not handed out before it is gone.
    if (body.code !== 'pool_exhausted') assert.match(body.detail, /no\/such\/program/);
    else await until('addresses are free', () => links().filter((name) => name.startsWith('tv')).length === 0);
  }
  await until('every interface is gone', () => links().filter((name) => name.startsWith('tv')).length === 0);
  await room.remove(bad);
  const good = await room.listener(['tcp:80'], { network });
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${good.v4}`);
  await room.remove(good);
  assert.deepEqual(ruleset().includes('8080'), rules.includes('8080'), 'a rule is left that names the port');
});

test('one that removes itself gives all of it back', async () => {
  const publish = [{ hostPort: 8080, containerPort: 80 }];
  for (let i = 0; i < 5; i++) {
    const id = await room.daemon.create(['true'], { autoRemove: true, network: { publish } });
    await room.daemon.client.must('POST', `/v1/containers/${id}/start`);
    await until(
      'it is gone',
      async () => (await room.daemon.client.send('GET', `/v1/containers/${id}`)).status === 404,
    );
  }
  assert.doesNotMatch(ruleset(), /8080/);
});

test('a daemon that ends and starts again has its networks, names and ports as before', async () => {
  const [first, second] = [
    await room.listener(['tcp:80'], { name: 'stays', network: { publish: [{ hostPort: 8080, containerPort: 80 }] } }),
    await room.idle(),
  ];
  const networks = await room.daemon.client.must('GET', '/v1/networks');
  await room.daemon.end('SIGTERM');
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${first.v4}`);
  await room.daemon.start();
  await until('names resolve', async () => {
    const answer = await second.place.ask('tcp', 'stays', 80, { family: 4, seconds: 0.5 });
    return answer === `${second.v4} ${first.v4}`;
  });
  assert.deepEqual(await room.daemon.client.must('GET', '/v1/networks'), networks);
  assert.equal(await room.outside.ask('tcp', HOST.v6, 8080), `${OUTSIDE.v6} ${first.v6}`);
  await room.remove(first, second);
});

test('an address that the host gets later leads to what is published at all addresses', async () => {
  const c = await room.listener(['tcp:80'], { network: { publish: [{ hostPort: 8080, containerPort: 80 }] } });
  room.host.ip('address', 'add', '203.0.113.99/24', 'dev', 'up0');
  assert.equal(await room.outside.ask('tcp', '203.0.113.99', 8080), `${OUTSIDE.v4} ${c.v4}`);
  room.host.ip('address', 'delete', '203.0.113.99/24', 'dev', 'up0');
  await room.remove(c);
});

test('megabytes arrive as they were sent, by a published port and from outside', async () => {
  const folder = join(room.daemon.folder, 'www');
  mkdirSync(folder);
  const content = Buffer.alloc(8_000_000);
  for (let i = 0; i < content.length; i += 4) content.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
  writeFileSync(join(folder, 'file'), content);
  const hash = `${createHash('sha256').update(content).digest('hex')}  -`;
  const mounts = [{ type: 'bind', source: folder, target: '/tmp', readonly: true }];
  const network = { publish: [{ hostPort: 8080, containerPort: 80 }] };
  const id = await room.daemon.create(['httpd', '-f', '-p', '80', '-h', '/tmp'], { mounts, network });
  const { place } = await room.started(id);
  await until('it listens', async () => !(await room.outside.ask('tcp', HOST.v4, 8080)).startsWith('connect'));
  const fetch = 'busybox wget -q -O - "$0" | sha256sum';
  const got = await room.outside.run('sh', '-c', fetch, `http://${HOST.v4}:8080/file`);
  assert.equal(got.stdout.trim(), hash, got.stderr);
  // Hairpin, and over IPv6.
  const inside = await place.run('sh', '-c', fetch, `http://[${HOST.v6}]:8080/file`);
  assert.equal(inside.stdout.trim(), hash, inside.stderr);
  await room.remove(id);
});

test('in a user namespace of its own, with settings of its network', async () => {
  const rootfs = makeRootfs(join(room.daemon.folder, 'mapped'));
  compileTalk(join(rootfs, 'bin/talk'));
  execFileSync('chown', ['-hR', '100000:100000', rootfs]);
  chmodSync(room.daemon.folder, 0o755);
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const request = {
    name: 'mapped',
    rootfs,
    sysctls: { 'net.ipv4.ip_unprivileged_port_start': '7' },
    network: { publish: [{ hostPort: 8080, containerPort: 80 }] },
  };
  const kinds = ['pid', 'network', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type }));
  const c = await room.listener(['tcp:80'], {
    ...request,
    oci: { linux: { namespaces: kinds, uidMappings: mapping, gidMappings: mapping } },
  });
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${c.v4}`);
  const files = ['/proc/sys/net/ipv4/ip_unprivileged_port_start', '/etc/hostname'];
  assert.match((await c.place.run('cat', ...files)).stdout, /^7\n\w+/);
  await room.remove(c);
});

test('DNS: names of the world by the host’s resolver, or by those that were asked for', async () => {
  const c = await room.idle();
  const { stdout } = await c.place.run('nslookup', '-type=a', 'any.example');
  assert.ok(stdout.includes(WORLD), stdout);
  const missing = await c.place.ask('tcp', 'missing.test', 80);
  assert.match(missing, /^resolve /);
  await room.remove(c);
});

test('two daemons side by side share neither bridges nor subnets nor rules, and each leaves the other’s alone', async () => {
  const mine = await room.listener(['tcp:80'], { network: { publish: [{ hostPort: 8080, containerPort: 80 }] } });
  const other = await TestDaemon.open({ args: ['--default-network', 'bridge'] });
  try {
    const id = await other.create(['sleep', '1000000'], {
      network: { publish: [{ hostPort: 8081, containerPort: 80 }] },
    });
    await other.client.must('POST', `/v1/containers/${id}/start`);
    const subnets = async (daemon: TestDaemon): Promise<string[]> => {
      const { subnets } = await daemon.client.must<{ subnets: { subnet: string }[] }>('GET', '/v1/networks/bridge');
      return subnets.map(({ subnet }) => subnet);
    };
    const [first, second] = [await subnets(room.daemon), await subnets(other)];
    assert.deepEqual(
      first.filter((subnet) => second.includes(subnet)),
      [],
    );
    assert.equal([...ruleset().matchAll(/^table inet tare-/gm)].length, 2);
    assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${mine.v4}`);
  } finally {
    await other.close();
  }
  assert.equal(await room.outside.ask('tcp', HOST.v6, 8080), `${OUTSIDE.v6} ${mine.v6}`);
  await room.remove(mine);
});

test('one hundred at once find each other', async () => {
  await room.network('crowd');
  const ids = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const network = { networks: [{ network: 'crowd' }] };
      const id = await room.daemon.create(['talk', 'serve', 'tcp:80'], { name: `crowd-${index}`, network });
      await room.daemon.client.must('POST', `/v1/containers/${id}/start`);
      return id;
    }),
  );
  const addresses = new Set(
    (await Promise.all(ids.map((id) => room.inspect(id)))).map(({ endpoints }) => endpoints[0]?.ipv4),
  );
  assert.equal(addresses.size, 100);
  for (const index of [0, 50, 99]) {
    const place = await room.inside(ids[index] ?? '');
    for (const target of [1, 49, 98]) {
      await room.listens(ids[target] ?? '');
      assert.match(await place.ask('tcp', `crowd-${target}`, 80), /^[\d.a-f:]+ [\d.a-f:]+$/);
    }
  }
  await room.remove(...ids);
});
