import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bitsOf,
  contains,
  formatPrefix,
  overlaps,
  parseAddress,
  parseCidr,
  prefixOf,
  type Prefix,
} from '../../../daemon/network/address.ts';
import { AddressBook } from '../../../daemon/network/ipam/address-book.ts';
import { DEFAULT_POOLS, chooseSubnet, poolOf, randomPool } from '../../../daemon/network/ipam/pools.ts';
import { SubnetError, checkSubnet, subnetOf, type AskedSubnet } from '../../../daemon/network/ipam/subnets.ts';

function prefix(text: string): Prefix {
  const parsed = parseCidr(text);
  assert.ok(parsed !== undefined, text);
  return parsed.prefix;
}

const chosen = (pools: Parameters<typeof chooseSubnet>[0], taken: string[]): string | undefined => {
  const found = chooseSubnet(pools, taken.map(prefix));
  return found === undefined ? undefined : formatPrefix(found);
};

test('a subnet is written as it is meant, and its gateway is the first address', () => {
  assert.deepEqual(checkSubnet({ subnet: '10.1.2.0/24' }), {
    family: 4,
    subnet: '10.1.2.0/24',
    gateway: '10.1.2.1',
    range: undefined,
  });
  assert.deepEqual(checkSubnet({ subnet: 'FD00:0:0:1::/64', gateway: 'fd00:0:0:1::FF', range: 'FD00:0:0:1:8::/80' }), {
    family: 6,
    subnet: 'fd00:0:0:1::/64',
    gateway: 'fd00:0:0:1::ff',
    range: 'fd00:0:0:1:8::/80',
  });
});

const REFUSED: readonly (readonly [asked: AskedSubnet, at: keyof AskedSubnet, words: RegExp])[] = [
  [{ subnet: '10.1.2.0' }, 'subnet', /no address with a prefix length/],
  [{ subnet: '10.1.2.0/33' }, 'subnet', /no address with a prefix length/],
  [{ subnet: '10.1.2/24' }, 'subnet', /no address with a prefix length/],
  [{ subnet: '10.1.2.3/24' }, 'subnet', /bits after its prefix: 10\.1\.2\.0\/24 has not/],
  [{ subnet: 'fd00::1/64' }, 'subnet', /bits after its prefix/],
  [{ subnet: '10.1.2.0/31' }, 'subnet', /no room for a gateway and a container: \/30 has/],
  [{ subnet: '10.1.2.0/32' }, 'subnet', /no room/],
  [{ subnet: 'fd00::/127' }, 'subnet', /no room for a gateway and a container: \/126 has/],
  [{ subnet: '127.0.0.0/24' }, 'subnet', /loopback/],
  [{ subnet: '0.0.0.0/0' }, 'subnet', /overlaps/],
  [{ subnet: '169.254.7.0/24' }, 'subnet', /link-local/],
  [{ subnet: '224.0.0.0/24' }, 'subnet', /multicast/],
  [{ subnet: '250.0.0.0/24' }, 'subnet', /reserved/],
  [{ subnet: '::/64' }, 'subnet', /loopback/],
  [{ subnet: '::ffff:10.0.0.0/112' }, 'subnet', /reserved/],
  [{ subnet: 'fe80::/64' }, 'subnet', /link-local/],
  [{ subnet: 'ff05::/64' }, 'subnet', /multicast/],
  [{ subnet: '10.1.2.0/24', gateway: '10.1.3.1' }, 'gateway', /outside 10\.1\.2\.0\/24/],
  [{ subnet: '10.1.2.0/24', gateway: 'fd00::1' }, 'gateway', /outside/],
  [{ subnet: '10.1.2.0/24', gateway: '10.1.2.0' }, 'gateway', /stands for the whole/],
  [{ subnet: '10.1.2.0/24', gateway: '10.1.2.255' }, 'gateway', /stands for the whole/],
  [{ subnet: 'fd00::/64', gateway: 'fd00::' }, 'gateway', /stands for the whole/],
  [{ subnet: '10.1.2.0/24', gateway: '10.1.2' }, 'gateway', /no address/],
  [{ subnet: '10.1.2.0/24', range: '10.1.3.0/25' }, 'range', /outside/],
  [{ subnet: '10.1.2.0/24', range: '10.1.0.0/16' }, 'range', /outside/],
  [{ subnet: '10.1.2.0/24', range: 'fd00::/112' }, 'range', /outside/],
  [{ subnet: '10.1.2.0/24', range: '10.1.2.129/25' }, 'range', /bits after its prefix/],
  [{ subnet: '10.1.2.0/24', range: 'some' }, 'range', /no address with a prefix length/],
  [{ subnet: '10.1.2.0/24', range: '10.1.2.1/32' }, 'range', /no address for a container/],
  [{ subnet: '10.1.2.0/24', range: '10.1.2.0/31' }, 'range', /no address for a container/],
  [{ subnet: '10.1.2.0/24', gateway: '10.1.2.254', range: '10.1.2.254/31' }, 'range', /no address for a container/],
  [{ subnet: 'fd00::/64', range: 'fd00::/127' }, 'range', /no address for a container/],
];

for (const [asked, at, words] of REFUSED) {
  test(`refused: ${JSON.stringify(asked)}`, () => {
    assert.throws(
      () => checkSubnet(asked),
      (error) => error instanceof SubnetError && error.at === at && words.test(error.message),
    );
  });
}

test('what is admitted has room for a container, whatever is asked for', () => {
  const texts = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 33 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 129 })),
  );
  const cidrs = fc.oneof(
    texts.map(([address, length]) => `${address}/${length}`),
    // most would have bits after the prefix
    texts.map(([address, length]) => {
      const parsed = parseAddress(address);
      return parsed === undefined || length > bitsOf(parsed.family)
        ? `${address}/${length}`
        : formatPrefix(prefixOf(parsed, length));
    }),
    fc.string(),
  );
  const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  fc.assert(
    fc.property(cidrs, option(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), option(cidrs), (subnet, gateway, range) => {
      let checked;
      try {
        checked = checkSubnet({
          subnet,
          ...(gateway === undefined ? {} : { gateway }),
          ...(range === undefined ? {} : { range }),
        });
      } catch (error) {
        assert.ok(error instanceof SubnetError, String(error));
        return;
      }
      const first = new AddressBook(checked).next();
      assert.ok(first !== undefined && first !== checked.gateway);
      const address = parseAddress(first);
      assert.ok(address !== undefined && contains(prefix(checked.range ?? checked.subnet), address));
    }),
    { numRuns: 500 },
  );
});

test('a pool gives its subnets in order, and passes over what is taken', () => {
  const pools = [poolOf({ base: '10.0.0.0/29', size: 30 }), poolOf({ base: '10.9.0.0/16', size: 24 })];
  assert.equal(chosen(pools, []), '10.0.0.0/30');
  assert.equal(chosen(pools, ['10.0.0.0/30']), '10.0.0.4/30');
  assert.equal(chosen(pools, ['10.0.0.4/30']), '10.0.0.0/30');
  assert.equal(chosen(pools, ['10.0.0.2/32', '10.0.0.5/32']), '10.9.0.0/24');
  // larger than what the pool gives, smaller, and of the other family
  assert.equal(chosen(pools, ['10.0.0.0/8']), undefined);
  assert.equal(chosen(pools, ['10.0.0.0/16', '10.9.0.0/22', '10.9.4.7/32', 'fd00::/8']), '10.9.5.0/24');
  // one within another, and one twice
  assert.equal(chosen(pools, ['10.0.0.0/29', '10.9.0.0/23', '10.9.0.0/24', '10.9.0.0/23']), '10.9.2.0/24');
  assert.equal(chosen([], []), undefined);
});

test('the default pools: 172.16.0.0/12 first, /20 each', () => {
  assert.equal(chosen(DEFAULT_POOLS, []), '172.16.0.0/20');
  assert.equal(chosen(DEFAULT_POOLS, ['172.16.0.0/12']), '10.128.0.0/20');
});

test('a prefix of RFC 4193 is random, and gives /64', () => {
  const [one, other] = [randomPool(), randomPool()];
  assert.notEqual(one.base.value, other.base.value);
  assert.ok(contains(prefix('fd00::/8'), one.base));
  assert.match(formatPrefix(chooseSubnet([one], [one.base].slice(1)) ?? prefix('::/0')), /^fd.*\/64$/);
});

for (const [base, size, words] of [
  ['10.0.0.0', 24, /no address with a prefix length/],
  ['10.0.0.1/8', 24, /bits after its prefix/],
  ['10.0.0.0/16', 12, /cannot be cut/],
  ['10.0.0.0/16', 31, /cannot be cut/],
  ['10.0.0.0/16', 20.5, /cannot be cut/],
  ['fd00::/48', 127, /cannot be cut/],
  ['127.0.0.0/8', 24, /loopback/],
] as const) {
  test(`no pool: ${base} in /${size}`, () => {
    assert.throws(() => poolOf({ base, size }), words);
  });
}

test('what is chosen is of the pool, meets nothing, and is found where there is one', () => {
  const base = prefix('10.3.0.0/24');
  const pool = { base, length: 28 };
  const all = Array.from({ length: 16 }, (_, index) => prefix(`10.3.0.${index * 16}/28`));
  const takens = fc.array(
    fc
      .record({ value: fc.integer({ min: 0, max: 1023 }), length: fc.integer({ min: 20, max: 32 }) })
      .map(({ value, length }) =>
        prefixOf({ family: 4, value: prefix('10.2.254.0/23').value + BigInt(value) }, length),
      ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(takens, (taken) => {
      const expected = all.find((one) => !taken.some((other) => overlaps(one, other)));
      const found = chooseSubnet([pool], taken);
      assert.deepEqual(found && formatPrefix(found), expected && formatPrefix(expected));
    }),
  );
});

test('a pool’s subnet has the default gateway', () => {
  assert.deepEqual(subnetOf(prefix('172.18.0.0/20')), checkSubnet({ subnet: '172.18.0.0/20' }));
});
