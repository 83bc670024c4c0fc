/** kill -9 of the daemon with 50 networked containers: the network goes on without it, and it takes it up again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Client } from '../harness/client.ts';
import { HOST, NetworkRoom, OUTSIDE, type Listener, type Networked } from '../harness/network.ts';
import { until } from '../harness/until.ts';

const COUNT = 50;
const port = (index: number): number => 30_000 + index;

let room: NetworkRoom;
const listeners: Listener[] = [];
before(async () => {
  room = await NetworkRoom.open();
  await room.network('town', { subnets: [{ subnet: '10.88.0.0/24' }, { subnet: 'fd88::/64' }] });
  for (let index = 0; index < COUNT; index++) {
    const publish = ['tcp', 'udp'].map((protocol) => ({ hostPort: port(index), containerPort: 80, protocol }));
    const network = { networks: [{ network: 'town', aliases: [`alias-${index}`] }], publish };
    listeners.push(await room.listener(['tcp:80', 'udp:80'], { name: `c${index}`, network }));
  }
});
after(() => room.close());

const ruleset = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
/** Elements of a set are listed in the order of their hashes. */
const sorted = (text: string): string =>
  text
    .split(/[\n,]/)
    .map((part) => part.trim())
    .sort()
    .join('\n');
const links = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort();
const running = () => room.daemon.client.must<{ id: string }[]>('GET', '/v1/containers');

async function everyPortAnswers(): Promise<void> {
  for (const [index, { v4, v6 }] of listeners.entries()) {
    const protocol = index % 2 === 0 ? 'tcp' : 'udp';
    assert.equal(await room.outside.ask(protocol, HOST.v4, port(index)), `${OUTSIDE.v4} ${v4}`);
    assert.equal(await room.outside.ask(protocol, HOST.v6, port(index)), `${OUTSIDE.v6} ${v6}`);
  }
}

test('traffic and published ports go on through the gap, and names come back after it', async (t) => {
  const server = await room.outside.serve('tcp:80', 'udp:80');
  const [first, second, third] = listeners as [Listener, Listener, Listener];
  const before = { ruleset: sorted(ruleset()), links: links(), endpoints: await room.inspect(first.id) };
  const askers = [
    [room.outside.keepAsking('tcp', HOST.v4, port(0)), `${OUTSIDE.v4} ${first.v4}`],
    [room.outside.keepAsking('udp', HOST.v6, port(1)), `${OUTSIDE.v6} ${second.v6}`],
    [first.place.keepAsking('tcp', second.v4, 80), `${first.v4} ${second.v4}`],
    [second.place.keepAsking('udp', third.v6, 80), `${second.v6} ${third.v6}`],
    [third.place.keepAsking('tcp', OUTSIDE.far4, 80), `${HOST.v4} ${OUTSIDE.far4}`],
    [room.host.keepAsking('tcp', '127.0.0.1', port(2)), undefined],
  ] as const;
  await room.daemon.end('SIGKILL');
  // New conversations begin in the gap too.
  await everyPortAnswers();
  assert.equal(await third.place.ask('tcp', first.v4, 80), `${third.v4} ${first.v4}`);
  assert.equal(await first.place.ask('tcp', OUTSIDE.far6, 80), `${HOST.v6} ${OUTSIDE.far6}`);
  assert.equal(sorted(ruleset()), before.ruleset);

  const began = performance.now();
  await room.daemon.start();
  const answered = performance.now() - began;
  await until('names resolve again', async () =>
    (await first.place.ask('tcp', 'c7', 80, { family: 4, seconds: 0.2 })).includes(' 10.88.'),
  );
  t.diagnostic(
    `the API answered after ${answered.toFixed(0)} ms, names resolved after ${(performance.now() - began).toFixed(0)} ms`,
  );
  for (const index of [0, 13, COUNT - 1])
    assert.match(
      await second.place.ask('tcp', `alias-${index}`, 80, { family: 4 }),
      new RegExp(` ${listeners[index]?.v4}$`),
    );
  await everyPortAnswers();
  for (const [asker, expected] of askers) {
    const last = await asker.end();
    if (expected === undefined) assert.match(last, new RegExp(` ${third.v4}$`));
    else assert.equal(last, expected);
  }
  await until('the rules are as before', () => sorted(ruleset()) === before.ruleset);
  assert.deepEqual(links(), before.links);
  assert.deepEqual(await room.inspect(first.id), before.endpoints);
  assert.equal((await running()).length, COUNT);
  await server.end();
});

test('who ends in the gap gives back address, ports and names', async () => {
  const gone = listeners.pop()!;
  const pid = await room.daemon.hostPid(gone.id);
  await room.daemon.end('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await until('its interface is gone', () => links().filter((name) => name.startsWith('tv')).length === COUNT - 1);
  await room.daemon.start();
  await until('its end is known', async () => (await room.inspect(gone.id)).status === 'stopped');
  const [witness] = listeners as [Listener];
  assert.match(await witness.place.ask('tcp', `c${COUNT - 1}`, 80), /^resolve /);
  await until('its port is closed', async () => {
    const answer = await room.outside.ask('tcp', HOST.v4, port(COUNT - 1));
    return answer === 'connect ECONNREFUSED';
  });
  const network = {
    networks: [{ network: 'town', ipv4: gone.v4, ipv6: gone.v6 }],
    publish: [{ hostPort: port(COUNT - 1), containerPort: 80 }],
  };
  const heir = await room.listener(['tcp:80'], { name: 'heir', network });
  assert.equal(await room.outside.ask('tcp', HOST.v4, port(COUNT - 1)), `${OUTSIDE.v4} ${gone.v4}`);
  assert.equal(await witness.place.ask('tcp', 'heir', 80, { family: 4 }), `${witness.v4} ${gone.v4}`);
  await room.remove(heir, gone);
});

test('the rules that were flushed while there was no daemon are back, and what is of nobody is swept', async () => {
  const before = sorted(ruleset());
  const stray = links()
    .find((name) => name.startsWith('tv'))!
    .slice(0, 6);
  await room.daemon.end('SIGKILL');
  execFileSync('nft', ['flush', 'ruleset']);
  room.host.ip('link', 'add', `${stray}deadbeef`, 'type', 'veth', 'peer', 'name', 'stray-peer');
  room.host.ip('link', 'add', `tare-${stray.slice(2)}-999`, 'type', 'bridge');
  await room.daemon.start();
  await until('the rules are back', () => sorted(ruleset()) === before);
  await until('the strays are gone', () => !links().some((name) => /deadbeef|stray-peer|-999$/.test(name)));
  await everyPortAnswers();
});

/** What a daemon that dies does to a request is not the client's concern. */
async function sent<T>(client: Client, method: string, path: string, body?: unknown) {
  try {
    return await client.send<T>(method, path, body);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

/** Lives until told to end; some of its containers are left to run. */
async function lives(client: Client, ending: () => boolean): Promise<void> {
  let left = 0;
  while (!ending()) {
    const created = await sent<{ id: string }>(client, 'POST', '/v1/containers', {
      rootfs: room.daemon.rootfs,
      command: ['sleep', '1000000'],
      labels: { of: 'storm' },
      network: { networks: [{ network: 'tight' }] },
    });
    if (created?.status !== 201) continue;
    const path = `/v1/containers/${created.body.id}`;
    const started = await sent(client, 'POST', `${path}/start`);
    if (started?.status === 204 && left < 3) left++;
    else await sent(client, 'DELETE', `${path}?force=true`);
  }
}

const reconciled = (): number => room.daemon.output.split('every container is reconciled').length;

test('8 clients while the daemon is killed: no address is in two hands, and all come back', async () => {
  await room.network('tight', { subnets: [{ subnet: '10.89.0.0/26' }, { subnet: 'fd89::/64' }] });
  for (let crash = 0; crash < 5; crash++) {
    let over = false;
    const clients = Array.from({ length: 8 }, () => new Client(room.daemon.socket));
    const storm = Promise.all(clients.map((client) => lives(client, () => over)));
    await until('each has left some to run', async () => (await running()).length >= COUNT + 24);
    const known = reconciled();
    await room.daemon.end('SIGKILL');
    over = true;
    await storm;
    for (const client of clients) client.close();
    await room.daemon.start();
    await until('every container is known', () => reconciled() > known);
    await eachHasItsOwn();
    const all = await room.daemon.client.must<{ id: string }[]>('GET', '/v1/containers?all=true&label=of=storm');
    await room.remove(...all);
    await until(
      'their interfaces are gone',
      () => links().filter((name) => name.startsWith('tv')).length === COUNT - 1,
    );
  }
  // Every address is free: a lease would keep the network, or refuse who asks for it.
  for (let last = 2; last < 63; last++) {
    const network = { networks: [{ network: 'tight', ipv4: `10.89.0.${last}` }] };
    await room.remove(await room.daemon.create(['true'], { network }));
  }
  await room.daemon.client.must('DELETE', '/v1/networks/tight');
});

/** What the kernel has in each running container is what inspect says, and nobody else's. */
async function eachHasItsOwn(): Promise<void> {
  const owners = new Map<string, string>();
  for (const { id } of await running()) {
    const detail: Networked = await room.inspect(id);
    if (detail.status !== 'running') continue;
    const shown = (await room.inside(id)).ip('-o', 'address', 'show', 'eth0');
    for (const address of [detail.endpoints[0]?.ipv4, detail.endpoints[0]?.ipv6]) {
      assert.ok(address !== undefined && shown.includes(` ${address} `), `${id} ${address}: ${shown}`);
      assert.equal(owners.get(address), undefined, `${address} is in two hands`);
      owners.set(address, id);
    }
  }
}
