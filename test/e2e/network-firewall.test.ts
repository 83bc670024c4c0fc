/** Others act on the host's rules: they flush them, drop with their own, reload. Ours are back, and theirs have a say. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { HOST, NetworkRoom, OUTSIDE, type Listener } from '../harness/network.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
let shop: Listener;
let red: Listener;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('red');
  await room.network('cellar', { internal: true });
  shop = await room.listener(['tcp:80', 'udp:80'], {
    network: {
      publish: [
        { hostPort: 8080, containerPort: 80 },
        { hostPort: 8080, containerPort: 80, protocol: 'udp' },
        { hostPort: 8081, containerPort: 80, hostAddress: '127.0.0.1' },
      ],
    },
  });
  red = await room.idle({ network: { networks: [{ network: 'red' }] } });
});
after(() => room.close());

const nft = (...words: string[]): string => execFileSync('nft', words, { encoding: 'utf8' });
const load = (text: string): string => execFileSync('nft', ['-f', '-'], { encoding: 'utf8', input: text });
/** Elements of a set are listed in the order of their hashes. */
const ours = (): string =>
  nft('list', 'ruleset')
    .split(/[\n,]/)
    .map((part) => part.trim())
    .sort()
    .join('\n');
const table = (): string => /table (inet tare-\w+)/.exec(nft('list', 'tables'))?.[1] ?? 'none';

async function trafficFlows(): Promise<void> {
  const server = await room.outside.serve('tcp:80');
  for (const protocol of ['tcp', 'udp'] as const) {
    assert.equal(await room.outside.ask(protocol, HOST.v4, 8080), `${OUTSIDE.v4} ${shop.v4}`);
    assert.equal(await room.outside.ask(protocol, HOST.v6, 8080), `${OUTSIDE.v6} ${shop.v6}`);
  }
  assert.match(await room.host.ask('tcp', '127.0.0.1', 8081), new RegExp(` ${shop.v4}$`));
  assert.equal(await shop.place.ask('tcp', OUTSIDE.far4, 80), `${HOST.v4} ${OUTSIDE.far4}`);
  assert.equal(await shop.place.ask('tcp', OUTSIDE.far6, 80), `${HOST.v6} ${OUTSIDE.far6}`);
  // And does not flow where it must not.
  assert.match(await red.place.askInVain('tcp', shop.v4, 80), /^connect E/);
  assert.match(await room.outside.askInVain('tcp', HOST.v4, 8081), /^connect E/);
  await server.end();
}

/** What stands was made again by the daemon, and is what it was. */
async function backAgain(before: string, t: { diagnostic(text: string): void }): Promise<void> {
  const began = performance.now();
  await until('the rules are back', () => ours() === before);
  t.diagnostic(`back after ${(performance.now() - began).toFixed(0)} ms`);
  await trafficFlows();
}

test('nft flush ruleset: the rules are back and traffic flows', async (t) => {
  await trafficFlows();
  const before = ours();
  for (let i = 0; i < 3; i++) {
    nft('flush', 'ruleset');
    await backAgain(before, t);
  }
});

test('the table is deleted, a chain is emptied, elements are taken out: all is as it was', async (t) => {
  const before = ours();
  nft('delete', 'table', ...table().split(' '));
  await backAgain(before, t);
  nft('flush', 'table', ...table().split(' '));
  await backAgain(before, t);
});

test('what is published while nothing stands is there once the rules are back', async () => {
  nft('flush', 'ruleset');
  const late = await room.listener(['tcp:80'], { network: { publish: [{ hostPort: 8090, containerPort: 80 }] } });
  await until('it answers', async () => (await room.outside.ask('tcp', HOST.v4, 8090)) === `${OUTSIDE.v4} ${late.v4}`);
  nft('flush', 'ruleset');
  await room.remove(late);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8090), 'connect ECONNREFUSED');
  await until('traffic flows', async () => (await room.outside.ask('tcp', HOST.v4, 8080)).includes(shop.v4));
  await trafficFlows();
});

const FIREWALL = `
flush ruleset
table inet firewalld {
  chain input { type filter hook input priority 10; policy accept; }
  chain forward { type filter hook forward priority 10; policy accept; }
}
`;

test('CVE-2025-54388: a firewall is reloaded, and what was for loopback alone is for loopback alone', async (t) => {
  const before = ours();
  const theirs = (): string => nft('list', 'table', 'inet', 'firewalld');
  load(FIREWALL);
  await until('the rules are back', () => table() !== 'none');
  const reloaded = theirs();
  nft('delete', 'table', 'inet', 'firewalld');
  await backAgain(before, t);
  assert.match(reloaded, /hook forward priority filter \+ 10; policy accept/);
  // By the container's own address neither.
  for (const [address, via] of [
    [shop.v4, HOST.v4],
    [shop.v6, HOST.v6],
  ] as const) {
    const family = address.includes(':') ? '-6' : '-4';
    room.outside.ip(family, 'route', 'add', address, 'via', via);
    const seen = (await room.seen(shop.id)).length;
    assert.match(await room.outside.askInVain('tcp', address, 81), /^connect E/);
    assert.equal((await room.seen(shop.id)).length, seen);
    room.outside.ip(family, 'route', 'delete', address);
  }
});

const ADMIN = `
table inet admin {
  chain forward {
    type filter hook forward priority 0; policy accept;
    meta l4proto { tcp, udp } ct original proto-dst 8080 drop
  }
}
`;

test('a published port that a rule of the host drops stays dropped', async () => {
  load(ADMIN);
  assert.match(await room.outside.askInVain('tcp', HOST.v4, 8080), /^connect ETIMEDOUT/);
  assert.match(await room.outside.askInVain('udp', HOST.v4, 8080), /^answer ETIMEDOUT/);
  // Also once ours were made anew beside it.
  nft('delete', 'table', ...table().split(' '));
  await until('the rules are back', () => table() !== 'none');
  assert.match(await room.outside.askInVain('tcp', HOST.v4, 8080), /^connect ETIMEDOUT/);
  nft('delete', 'table', 'inet', 'admin');
  await trafficFlows();
});

test('the last networked container ends: no rule names anything of it', async () => {
  await room.remove(shop, red);
  const left = nft('list', 'ruleset');
  for (const word of [shop.v4, shop.v6, red.v4, '8080', '8081']) assert.ok(!left.includes(word), `${word}: ${left}`);
});
