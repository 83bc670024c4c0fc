/** Links of every kind against the kernel, with `ip -j` as a second opinion, in a network of this test's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, beforeEach, test } from 'node:test';
import { parseAddress } from '../../daemon/network/address.ts';
import { NetlinkError } from '../../daemon/network/rtnetlink/connection.ts';
import { MACVLAN_MODE } from '../../daemon/network/rtnetlink/kinds/macvlan.ts';
import type { LinkKind, LinkSpec } from '../../daemon/network/rtnetlink/link-info.ts';
import { changeLink, deleteLink, findLink, listLinks, newLink } from '../../daemon/network/rtnetlink/links.ts';
import { ip, RtnetlinkLab, type Json } from '../harness/rtnetlink-lab.ts';

const lab = RtnetlinkLab.open();
const { kernel } = lab;
const makeBelow = (): number => lab.makeBelow();
const indexOf = (name: string): number => lab.indexOf(name);
const nameOf = (index: number | undefined): string | undefined => lab.nameOf(index);
after(() => lab.close());
beforeEach(() => lab.clear());

/** Everything that both tell of links, in our words. */
function assertLinksAgree(): void {
  const ours = listLinks(kernel).map(({ index, name, isUp, settings, info }) => ({
    index,
    name,
    isUp,
    mtu: settings.mtu,
    mac: settings.mac,
    master: nameOf(settings.master),
    queue: settings.transmitQueueLength ?? 0,
    alias: settings.alias,
    transmitQueues: settings.transmitQueues,
    kind: info?.link?.kind === 'other' ? info.link.name : info?.link?.kind,
  }));
  const theirs = ip('link').map((link) => ({
    index: link.ifindex,
    name: link.ifname,
    isUp: (link.flags as string[]).includes('UP'),
    mtu: link.mtu,
    mac: link.address,
    master: link.master,
    queue: link.txqlen ?? 0,
    alias: link.ifalias,
    transmitQueues: link.num_tx_queues,
    kind: (link.linkinfo as Json | undefined)?.info_kind,
  }));
  assert.deepEqual(ours, theirs);
}

interface Case {
  readonly link: (below: number) => LinkKind;
  readonly settings?: (below: number) => LinkSpec['settings'];
  /** What `ip` tells of it, and what is read back, of the kind's own. */
  readonly shown: Json;
}

const address4 = (text: string) => parseAddress(text)!;
const CASES: Record<string, Case> = {
  bridge: {
    link: () => ({
      kind: 'bridge',
      data: { forwardDelay: 400, helloTime: 300, ageingTime: 10_000, isSnooping: false, priority: 4096 },
    }),
    shown: { forward_delay: 400, hello_time: 300, ageing_time: 10_000, mcast_snooping: 0, priority: 4096 },
  },
  dummy: { link: () => ({ kind: 'dummy' }), shown: {} },
  ifb: { link: () => ({ kind: 'ifb' }), shown: {} },
  ipvlan: {
    link: () => ({ kind: 'ipvlan', data: { mode: 1, flags: 1 } }),
    settings: (parent) => ({ parent }),
    shown: {},
  },
  macvlan: {
    link: () => ({ kind: 'macvlan', data: { mode: MACVLAN_MODE.bridge, broadcastQueueLength: 500 } }),
    settings: (parent) => ({ parent, mac: '02:00:00:00:00:77' }),
    shown: { mode: 'bridge', bcqueuelen: 500 },
  },
  vlan: {
    link: () => ({ kind: 'vlan', data: { id: 7 } }),
    settings: (parent) => ({ parent }),
    shown: { id: 7 },
  },
  vxlan: {
    link: (link) => ({
      kind: 'vxlan',
      data: {
        id: 5,
        link,
        local4: address4('10.0.0.1'),
        remote4: address4('10.0.0.2'),
        timeToLive: 3,
        port: 4789,
        sourcePorts: { from: 7, to: 9 },
      },
    }),
    shown: {
      id: 5,
      local: '10.0.0.1',
      remote: '10.0.0.2',
      link: 'below',
      ttl: 3,
      port: 4789,
      port_range: { low: 7, high: 9 },
    },
  },
  wireguard: { link: () => ({ kind: 'wireguard' }), shown: {} },
  // Of no table of ours: by its name alone.
  nlmon: { link: () => ({ kind: 'other', name: 'nlmon' }), shown: {} },
};

for (const [kind, { link, settings, shown }] of Object.entries(CASES)) {
  test(`a link of the kind ${kind}: as ip sees it, or refused in the kernel's words as ip is`, () => {
    const below = makeBelow();
    const spec: LinkSpec = { settings: { name: 'it', mtu: 1400, ...settings?.(below) }, info: { link: link(below) } };
    try {
      kernel.batch([newLink(spec)]);
    } catch (error) {
      assert.ok(error instanceof NetlinkError, String(error));
      assert.equal(error.message, 'make the link it: EOPNOTSUPP (Unknown device type)');
      const parent = settings === undefined ? [] : ['link', 'below'];
      const id = kind === 'vlan' ? ['id', '7'] : [];
      const { status, stderr } = spawnSync('ip', ['link', 'add', ...parent, 'it', 'type', kind, ...id], {
        encoding: 'utf8',
      });
      assert.notEqual(status, 0);
      assert.match(stderr, /Unknown device type/);
      return;
    }
    assertLinksAgree();
    const { info_data: told = {} } = ip('link', 'show', 'it')[0]?.linkinfo as { info_data?: Json };
    assert.deepEqual(Object.fromEntries(Object.keys(shown).map((key) => [key, told[key]])), shown);
    const made = findLink(kernel, 'it')?.info?.link;
    const asked = link(below);
    assert.equal(made?.kind, asked.kind);
    if (asked.kind !== 'veth' && asked.kind !== 'other')
      assert.deepEqual({ ...(made as { data?: Json }).data, ...asked.data }, (made as { data?: Json }).data);
    kernel.batch([deleteLink({ name: 'it' })]);
    assert.equal(findLink(kernel, 'it'), undefined);
  });
}

test('a veth with both ends settled, a port of a bridge', () => {
  const peer: LinkSpec = { settings: { name: 'far', mac: '02:00:00:00:00:02', mtu: 1300 } };
  kernel.batch([
    newLink({ settings: { name: 'bridge' }, info: { link: { kind: 'bridge' } } }),
    newLink({ settings: { name: 'near', mtu: 1300, transmitQueues: 1 }, info: { link: { kind: 'veth', peer } } }),
  ]);
  const port = { kind: 'bridge', data: { isHairpin: true, isIsolated: true, cost: 9 } } as const;
  const settings = { master: indexOf('bridge'), alias: 'of a test' };
  kernel.batch([
    changeLink({ index: indexOf('near'), isUp: true, settings }),
    changeLink({ settings: { name: 'near' }, info: { port } }),
  ]);
  assertLinksAgree();
  const [near] = ip('link', 'show', 'near');
  const { info_slave_data: told } = near?.linkinfo as { info_slave_data: Json };
  assert.deepEqual([told.hairpin, told.isolated, told.cost], [true, true, 9]);
  const read = findLink(kernel, 'near')?.info?.port?.data;
  assert.deepEqual([read?.isHairpin, read?.isIsolated, read?.cost], [true, true, 9]);
  assert.equal(ip('link', 'show', 'far')[0]?.address, '02:00:00:00:00:02');
});
