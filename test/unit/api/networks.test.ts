/** Routes of networks, and what is refused at the edge before the engine is asked. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { Problem } from '../../../shared/api/problem.ts';
import { serve } from './scripted-engine.ts';

const id = 'c0ffee'.padEnd(64, '0');
const created = { id, name: 'web', warnings: [] };
const { api, calls, lines } = serve({
  identify: (ref, resource) => (ref === 'web' && resource === 'network' ? id : undefined),
  createNetwork: () => created,
  listNetworks: () => [],
  inspectNetwork: () => ({
    id,
    name: 'web',
    driver: 'bridge',
    bridge: 'tare-abcd-0',
    internal: false,
    interContainer: true,
    mtu: 1500,
    subnets: [],
    labels: {},
    createdAt: '',
    containers: {},
  }),
  removeNetwork: () => Promise.resolve(),
  pruneNetworks: () => Promise.resolve({ removed: ['old'] }),
  connect: () => Promise.resolve(),
  disconnect: () => Promise.resolve(),
  update: () => Promise.resolve(),
});
after(() => api.close());
beforeEach(() => {
  calls.length = 0;
  lines.length = 0;
});

const send = (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object) =>
  api.inject({ method, url, ...(body === undefined ? {} : { body }) });

for (const [method, url, body, status, call] of [
  ['POST', '/v1/networks', { name: 'web', mtu: 1400 }, 201, ['createNetwork', { name: 'web', mtu: 1400 }]],
  ['GET', '/v1/networks', undefined, 200, ['listNetworks', {}]],
  [
    'GET',
    '/v1/networks?name=a&label=b&label=c=d',
    undefined,
    200,
    ['listNetworks', { name: 'a', label: ['b', 'c=d'] }],
  ],
  ['GET', '/v1/networks/web', undefined, 200, ['inspectNetwork', 'web']],
  ['DELETE', '/v1/networks/web', undefined, 204, ['removeNetwork', 'web']],
  ['POST', '/v1/networks/prune', undefined, 200, ['pruneNetworks', {}]],
  ['POST', '/v1/networks/prune', { label: ['a'] }, 200, ['pruneNetworks', { label: ['a'] }]],
  ['POST', '/v1/networks/web/connect', { container: 'c' }, 204, ['connect', 'web', { container: 'c' }]],
  ['POST', '/v1/networks/web/disconnect', { container: 'c' }, 204, ['disconnect', 'web', { container: 'c' }]],
] as const) {
  test(`${method} ${url}`, async () => {
    const answer = await send(method, url, body);
    assert.equal(answer.statusCode, status, answer.body);
    assert.deepEqual(calls, [call]);
  });
}

test('what changes a network is audited with its full id', async () => {
  await send('DELETE', '/v1/networks/web');
  await send('POST', '/v1/networks/web/connect', { container: 'c' });
  await send('POST', '/v1/networks', { name: 'web' });
  await send('GET', '/v1/networks/web');
  const audits = lines.filter(({ audit }) => audit === true);
  assert.deepEqual(
    audits.map((line) => [line.route, line.id]),
    [
      ['/v1/networks/:id', id],
      ['/v1/networks/:id/connect', id],
      ['/v1/networks', id],
    ],
  );
});

const LONG = 'x'.repeat(16);
const WRONG: readonly (readonly [url: string, body: object, field: string, code?: string])[] = [
  ['/v1/networks', {}, 'name'],
  ['/v1/networks', { name: 'a/b' }, 'name'],
  ['/v1/networks', { name: '' }, 'name'],
  ['/v1/networks', { name: 'web', driver: 'macvlan' }, 'driver'],
  ['/v1/networks', { name: 'web', mtu: 1279 }, 'mtu'],
  ['/v1/networks', { name: 'web', mtu: 65_536 }, 'mtu'],
  ['/v1/networks', { name: 'web', bridge: LONG }, 'bridge'],
  ['/v1/networks', { name: 'web', bridge: 'a/b' }, 'bridge'],
  ['/v1/networks', { name: 'web', bridge: 'a b' }, 'bridge'],
  ['/v1/networks', { name: 'web', bridge: '..' }, 'bridge'],
  ['/v1/networks', { name: 'web', subnets: [{}] }, 'subnets[0].subnet'],
  ['/v1/networks', { name: 'web', subnets: [{ subnet: '10.1.2.0' }] }, 'subnets[0].subnet'],
  ['/v1/networks', { name: 'web', subnets: [{ subnet: '10.1.2.0/24', gateway: 'one' }] }, 'subnets[0].gateway'],
  ['/v1/networks', { name: 'web', subnets: [{ subnet: '10.1.2.0/24', range: '10.1.2.1' }] }, 'subnets[0].range'],
  ['/v1/networks', { name: 'web', internal: 'yes' }, 'internal'],
  ['/v1/networks', { name: 'web', labels: { a: 1 } }, 'labels.a'],
  ['/v1/networks', { name: 'web', subnet: '10.1.2.0/24' }, 'subnet', 'unknown_property'],
  ['/v1/networks/web/connect', {}, 'container'],
  ['/v1/networks/web/connect', { container: 'c', mac: '02:42:0a' }, 'mac'],
  ['/v1/networks/web/connect', { container: 'c', ipv4: 'first' }, 'ipv4'],
  ['/v1/networks/web/connect', { container: 'c', aliases: ['a b'] }, 'aliases[0]'],
  ['/v1/networks/web/connect', { container: 'c', interface: LONG }, 'interface'],
  ['/v1/networks/web/connect', { container: 'c', interface: 'a/b' }, 'interface'],
  ['/v1/networks/web/disconnect', { container: '' }, 'container'],
  ['/v1/containers/c/update', { publish: [{ containerPort: 0 }] }, 'publish[0].containerPort'],
  ['/v1/containers/c/update', { publish: [{ containerPort: 80, hostPort: 70_000 }] }, 'publish[0].hostPort'],
  ['/v1/containers/c/update', { publish: [{ containerPort: 80, protocol: 'icmp' }] }, 'publish[0].protocol'],
  ['/v1/containers', { network: { networks: [] } }, 'network.networks'],
  ['/v1/containers', { network: { networks: [{ ipv4: '10.1.2.3' }] } }, 'network.networks[0].network'],
  ['/v1/containers', { network: { publish: [{ containerPort: 70_000 }] } }, 'network.publish[0].containerPort'],
  ['/v1/containers', { network: { publish: [{ containerPort: 80, count: 0 }] } }, 'network.publish[0].count'],
  ['/v1/containers', { network: { mode: 'ns:relative' } }, 'network.mode'],
  ['/v1/containers', { network: { dns: { servers: ['localhost'] } } }, 'network.dns.servers[0]'],
  ['/v1/containers', { network: { hosts: [{ name: 'a', address: 'b' }] } }, 'network.hosts[0].address'],
  ['/v1/containers', { interfaces: [{ name: LONG }] }, 'interfaces[0].name'],
  ['/v1/containers', { interfaces: [{ name: 'a/b' }] }, 'interfaces[0].name'],
  ['/v1/containers', { interfaces: [{ name: 'a', add: 'No Kind' }] }, 'interfaces[0].add'],
  ['/v1/containers', { pinNamespaces: { net: 'relative' } }, 'pinNamespaces.net'],
];

for (const [url, body, field, code = 'invalid_field'] of WRONG) {
  test(`POST ${url} refuses ${JSON.stringify(body)}`, async () => {
    const answer = await send('POST', url, body);
    const problem = answer.json<Problem>();
    assert.deepEqual([answer.statusCode, problem.code, problem.field], [400, code, field], problem.detail);
    assert.deepEqual(calls, []);
  });
}

test('a query parameter that is not known is refused', async () => {
  const answer = await send('GET', '/v1/networks?driver=bridge');
  assert.deepEqual([answer.statusCode, answer.json<Problem>().field], [400, 'driver']);
});
