/** Names and addresses of containers: who sees what, and that nothing is left of those who are gone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NameTable, type NamedEndpoint } from '../../../daemon/network/dns/name-table.ts';
import { addressOfReverse } from '../../../daemon/network/dns/reverse.ts';

function endpoint(networkId: string, name: string, rest: Partial<NamedEndpoint> = {}): NamedEndpoint {
  return { networkId, networkName: `net-${networkId}`, name, aliases: [], ids: [], ...rest };
}

function twoNetworks(): NameTable {
  const table = new NameTable();
  table.attach({
    container: 'c1',
    networks: [
      endpoint('a', 'Web', { aliases: ['www'], ids: ['0123', '01234567'], ipv4: '10.1.0.2', ipv6: 'fd00:1::2' }),
    ],
  });
  table.attach({
    container: 'c2',
    networks: [endpoint('a', 'db', { aliases: ['www'], ipv4: '10.1.0.3' }), endpoint('b', 'db', { ipv4: '10.2.0.3' })],
    servers: ['192.0.2.1'],
  });
  table.attach({ container: 'c3', networks: [endpoint('b', 'cache', { aliases: ['www'], ipv4: '10.2.0.4' })] });
  return table;
}

function ask(table: NameTable, from: [network: string, address: string], name: string, family: 4 | 6 = 4) {
  const asker = table.asker(...from);
  assert.ok(asker !== undefined);
  return table.addressesOf(asker, name, family);
}

const WEB: [string, string] = ['a', '10.1.0.2'];
const DB: [string, string] = ['a', '10.1.0.3'];
const CACHE: [string, string] = ['b', '10.2.0.4'];

describe('the name table', () => {
  test('a name, an alias and an id lead to the addresses of each family; case and a last dot do not matter', () => {
    const table = twoNetworks();
    for (const name of ['web', 'WEB', 'Web.', '0123', '01234567', 'web.net-a', 'WEB.NET-A.']) {
      assert.deepEqual(ask(table, DB, name), ['10.1.0.2'], name);
      assert.deepEqual(ask(table, DB, name, 6), ['fd00:1::2'], name);
    }
    assert.deepEqual(ask(table, WEB, 'db', 6), []);
    assert.equal(ask(table, WEB, 'nobody'), undefined);
    assert.equal(ask(table, WEB, 'web.net-b'), undefined);
  });

  test('names of other networks are unknown', () => {
    const table = twoNetworks();
    assert.equal(ask(table, WEB, 'cache'), undefined);
    assert.equal(ask(table, WEB, 'cache.net-b'), undefined);
    assert.equal(ask(table, CACHE, 'web'), undefined);
    assert.deepEqual(ask(table, CACHE, 'db'), ['10.2.0.3']);
    assert.deepEqual(ask(table, DB, 'cache'), ['10.2.0.4']);
  });

  test('who asks counts by address and bridge', () => {
    const table = twoNetworks();
    assert.equal(table.asker('a', '10.1.0.3')?.container, 'c2');
    assert.equal(table.asker('b', '10.2.0.3')?.container, 'c2');
    assert.deepEqual(table.asker('b', '10.2.0.3')?.servers, ['192.0.2.1']);
    for (const [network, address] of [
      ['a', '10.2.0.3'],
      ['b', '10.1.0.2'],
      ['c', '10.1.0.2'],
      ['a', '10.1.0.9'],
    ] as const) {
      assert.equal(table.asker(network, address), undefined);
    }
  });

  test('an alias of several leads to all of them, in turn another first, each family by itself', () => {
    const table = twoNetworks();
    const answers = [1, 2, 3].map(() => {
      ask(table, WEB, 'www', 6);
      return ask(table, WEB, 'www');
    });
    assert.deepEqual(answers, [
      ['10.1.0.2', '10.1.0.3'],
      ['10.1.0.3', '10.1.0.2'],
      ['10.1.0.2', '10.1.0.3'],
    ]);
    assert.deepEqual(ask(table, WEB, 'www', 6), ['fd00:1::2']);
  });

  test("where two networks know a name, the asker's first has the say, and the other one by its name", () => {
    const table = twoNetworks();
    assert.deepEqual(ask(table, DB, 'www')?.toSorted(), ['10.1.0.2', '10.1.0.3']);
    assert.deepEqual(ask(table, DB, 'www.net-b'), ['10.2.0.4']);
  });

  test('an address leads to the name with its network, and to the id where DNS cannot carry that', () => {
    const table = twoNetworks();
    const long = 'x'.repeat(64);
    table.attach({ container: 'c4', networks: [endpoint('a', long, { ids: ['0456'], ipv4: '10.1.0.5' })] });
    const asker = table.asker(...WEB);
    assert.ok(asker !== undefined);
    assert.equal(table.nameOf(asker, '10.1.0.3'), 'db.net-a');
    assert.equal(table.nameOf(asker, 'fd00:1::2'), 'Web.net-a');
    assert.equal(table.nameOf(asker, '10.2.0.4'), undefined);
    assert.equal(table.nameOf(asker, '10.1.0.5'), '0456');
  });

  test('a container that leaves a network stays in its others; renamed, it has its new name alone', () => {
    const table = twoNetworks();
    table.detach('c2', 'a');
    assert.equal(ask(table, WEB, 'db'), undefined);
    assert.deepEqual(ask(table, WEB, 'www'), ['10.1.0.2']);
    assert.deepEqual(ask(table, CACHE, 'db'), ['10.2.0.3']);
    table.rename('c2', 'sql');
    assert.equal(ask(table, CACHE, 'db'), undefined);
    assert.deepEqual(ask(table, CACHE, 'sql'), ['10.2.0.3']);
    assert.deepEqual(table.asker('b', '10.2.0.3')?.servers, ['192.0.2.1']);
    table.detach('c2');
    table.detach('c2');
    table.rename('c2', 'nobody');
    assert.equal(ask(table, CACHE, 'sql'), undefined);
  });

  test('an address that was given to another meanwhile stays with it', () => {
    const table = twoNetworks();
    table.attach({ container: 'c5', networks: [endpoint('a', 'heir', { ipv4: '10.1.0.2' })] });
    table.detach('c1');
    assert.equal(table.asker('a', '10.1.0.2')?.container, 'c5');
  });

  test('whatever comes and goes, it knows what a plain list knows', () => {
    const names = fc.constantFrom('one', 'two', 'Three', 'four');
    const step = fc.record({
      container: fc.constantFrom('c1', 'c2', 'c3'),
      network: fc.constantFrom('a', 'b'),
      leaves: fc.boolean(),
      name: names,
      aliases: fc.array(names, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const table = new NameTable();
        const model = new Map<string, { names: Set<string>; ipv4: string; network: string }>();
        for (const { container, network, leaves, name, aliases } of steps) {
          const key = `${container} ${network}`;
          const ipv4 = `10.${network === 'a' ? 1 : 2}.0.${container.slice(1)}`;
          if (leaves) {
            table.detach(container, network);
            model.delete(key);
          } else {
            table.attach({ container, networks: [endpoint(network, name, { aliases, ipv4 })] });
            model.set(key, { names: new Set([name, ...aliases].map((one) => one.toLowerCase())), ipv4, network });
          }
        }
        for (const { ipv4, network } of model.values()) {
          const asker = table.asker(network, ipv4);
          assert.ok(asker !== undefined);
          for (const name of ['one', 'two', 'three', 'four']) {
            const inNetwork = (id: string) =>
              [...model.values()].filter((one) => one.network === id && one.names.has(name)).map((one) => one.ipv4);
            const expected: string[] | undefined = [...asker.endpoints.keys()]
              .map(inNetwork)
              .find((found) => found.length > 0);
            assert.deepEqual(table.addressesOf(asker, name, 4)?.toSorted(), expected?.toSorted());
          }
        }
        for (const container of ['c1', 'c2', 'c3']) table.detach(container);
        for (const network of ['a', 'b']) {
          for (const last of [1, 2, 3]) {
            assert.equal(table.asker(network, `10.${network === 'a' ? 1 : 2}.0.${last}`), undefined);
          }
        }
      }),
    );
  });
});

describe('names of addresses', () => {
  for (const [name, address] of [
    ['2.0.1.10.in-addr.arpa', '10.1.0.2'],
    ['2.0.1.10.IN-ADDR.ARPA.', '10.1.0.2'],
    ['2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.D.F.ip6.arpa', 'fd00:1::2'],
    ['1.10.in-addr.arpa', undefined],
    ['256.0.1.10.in-addr.arpa', undefined],
    ['02.0.1.10.in-addr.arpa', undefined],
    ['2.0.1.10.in-addr.arpa.example', undefined],
    ['x.2.0.1.10.in-addr.arpa', undefined],
    ['2.0.d.f.ip6.arpa', undefined],
    ['web', undefined],
  ] as const) {
    test(`${name} is ${address ?? 'none'}`, () => {
      assert.equal(addressOfReverse(name), address);
    });
  }
});
