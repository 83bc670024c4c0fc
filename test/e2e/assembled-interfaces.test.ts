/** Interfaces put together for a container by whoever asks for them, in a network of this test's own. */
import assert from 'node:assert/strict';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { InterfaceError, makeInterfaces } from '../../daemon/network/plane/interfaces.ts';
import type { Interface } from '../../shared/api/network.ts';
import { inNetworkNamespace } from '../../native-bindings/netlink.ts';
import { holderOf, leaveNetwork, newNetwork } from '../harness/net-namespace.ts';

leaveNetwork();

type Json = Record<string, unknown>;
const ip = (...words: string[]): Json[] =>
  JSON.parse(execFileSync('ip', ['-d', '-j', ...words], { encoding: 'utf8' }) || '[]') as Json[];
const onHost = (): unknown[] => ip('link').map(({ ifname }) => ifname);
let namespace: number;
let holder: ChildProcess & { pid: number };
const inside = <T>(look: () => T): T => inNetworkNamespace(namespace, look);
const insideNames = (): unknown[] => inside(onHost);

beforeEach(() => {
  namespace = newNetwork();
  holder = holderOf(namespace);
  execFileSync('ip', ['link', 'add', 'below', 'type', 'veth', 'peer', 'name', 'below-far']);
});
afterEach(async () => {
  // While the namespace is there: when it ends, it takes the other ends with it.
  for (const name of ['below', 'mine', 'stays']) {
    if (onHost().includes(name)) execFileSync('ip', ['link', 'delete', name]);
  }
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  closeSync(namespace);
});

const make = (...list: Interface[]): Promise<void> => makeInterfaces(list, holder.pid);
const about = (name: string): Json => inside(() => ip('address', 'show', name)[0]!);
const kindOf = ({ linkinfo }: Json): unknown => (linkinfo as Json | undefined)?.info_kind;
const addressesOf = ({ addr_info: list }: Json): string[] =>
  (list as Json[])
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${String(local)}/${String(prefixlen)}`);
const isUp = ({ flags }: Json): boolean => (flags as string[]).includes('UP');

for (const createInRoot of [false, true]) {
  const where = createInRoot ? 'in the namespace of the host and moved' : 'in the namespace of the container';
  test(`a veth made ${where}: its other end stays with the host`, async () => {
    const addresses = ['10.3.0.2/16', 'fd00:3::2/64'];
    const routes = [{ destination: '10.9.0.0/16', gateway: '10.3.0.1' }, { destination: 'fd00:9::/64' }];
    await make({ name: 'eth5', add: 'veth', peer: 'stays', createInRoot, addresses, routes });
    const eth5 = about('eth5');
    assert.deepEqual([kindOf(eth5), isUp(eth5), addressesOf(eth5)], ['veth', true, addresses]);
    assert.ok(onHost().includes('stays') && !onHost().includes('eth5'));
    assert.equal(
      inside(() => ip('route', 'show', '10.9.0.0/16')[0]?.gateway),
      '10.3.0.1',
    );
    assert.equal(
      inside(() => ip('-6', 'route', 'show', 'fd00:9::/64')[0]?.dev),
      'eth5',
    );
  });

  test(`a macvlan and an ifb made ${where}`, async () => {
    await make(
      { name: 'mv0', add: 'macvlan', peer: 'below', createInRoot },
      { name: 'ifb9', add: 'ifb', createInRoot, addresses: ['10.4.0.1/24'] },
    );
    const info = about('mv0').linkinfo as Json;
    assert.deepEqual([info.info_kind, (info.info_data as Json).mode], ['macvlan', 'bridge']);
    const ifb = about('ifb9');
    assert.deepEqual([kindOf(ifb), isUp(ifb), addressesOf(ifb)], ['ifb', true, ['10.4.0.1/24']]);
    assert.deepEqual(
      onHost().filter((name) => name === 'mv0' || name === 'ifb9'),
      [],
    );
  });
}

function makeMine(): void {
  execFileSync('ip', ['link', 'add', 'mine', 'type', 'ifb']);
  execFileSync('ip', ['address', 'add', '10.6.0.1/24', 'dev', 'mine']);
}

test('an interface of the host moves in, with its address and those that are asked for', async () => {
  makeMine();
  await make({ name: 'mine', addresses: ['10.7.0.1/24'] });
  const mine = about('mine');
  assert.deepEqual([kindOf(mine), isUp(mine), addressesOf(mine)], ['ifb', true, ['10.6.0.1/24', '10.7.0.1/24']]);
  assert.ok(!onHost().includes('mine'));
});

const REFUSED: [what: string, Interface, field: string, words: RegExp][] = [
  [
    'a kind that the kernel does not know',
    { name: 'x', add: 'nonsense' },
    'add',
    /^Unknown device type \(EOPNOTSUPP\)$/,
  ],
  ['an interface that the host does not have', { name: 'absent' }, 'name', /^the host has no interface absent$/],
  [
    'a parent that the host does not have',
    { name: 'x', add: 'macvlan', peer: 'absent' },
    'peer',
    /^the host has no interface absent$/,
  ],
  [
    'a peer where the kind has none',
    { name: 'x', add: 'bridge', peer: 'below' },
    'peer',
    /^a link of the kind bridge has none$/,
  ],
  ['a name that is taken', { name: 'lo', add: 'bridge' }, 'name', /^the container has an interface lo already$/],
  ['a peer that is taken', { name: 'x', add: 'veth', peer: 'below' }, 'name', /EEXIST/],
  [
    'an address twice',
    { name: 'x', add: 'bridge', addresses: ['10.8.0.1/24', '10.8.0.1/24'] },
    'addresses[1]',
    /EEXIST/,
  ],
  ['a kind that stays where it is made', { name: 'x', add: 'bridge', createInRoot: true }, 'createInRoot', /EINVAL/],
  [
    'a gateway out of reach',
    {
      name: 'x',
      add: 'bridge',
      addresses: ['10.8.0.1/24'],
      routes: [{ destination: '10.9.0.0/16', gateway: '10.99.0.1' }],
    },
    'routes[0].gateway',
    /^Nexthop has invalid gateway \(ENETUNREACH\)$/,
  ],
  [
    'a gateway of the other family',
    { name: 'x', add: 'bridge', routes: [{ destination: '10.9.0.0/16', gateway: 'fd00::1' }] },
    'routes[0].gateway',
    /^fd00::1 is no address of IPv4$/,
  ],
];

for (const [what, wrong, field, words] of REFUSED) {
  test(`refused by its field, and all is as it was: ${what}`, async () => {
    makeMine();
    const [before] = ip('address', 'show', 'mine');
    const [all, theirs] = [onHost(), insideNames()];
    await assert.rejects(make({ name: 'mine' }, { name: 'v0', add: 'veth' }, wrong), (error) => {
      assert.ok(error instanceof InterfaceError, String(error));
      assert.equal(error.field, `interfaces[2].${field}`);
      assert.match(error.message.slice(error.field.length + 2), words);
      return true;
    });
    assert.deepEqual(insideNames(), theirs);
    assert.deepEqual(onHost().toSorted(), all.toSorted());
    const [mine] = ip('address', 'show', 'mine');
    assert.deepEqual([mine?.ifindex, addressesOf(mine!), isUp(mine!)], [before?.ifindex, ['10.6.0.1/24'], false]);
  });
}

test('not in the namespace that this process is in', async () => {
  await assert.rejects(
    makeInterfaces([{ name: 'x', add: 'bridge' }], process.pid),
    /interfaces: the container has no network namespace of its own/,
  );
});
