import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  addressOfBytes,
  bytesOf,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  parseAddress,
  parseCidr,
  prefixOf,
  sizeOf,
  type Address,
} from '../../../daemon/network/address.ts';

const addresses = fc
  .oneof(
    fc.record({ family: fc.constant(4 as const), value: fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }) }),
    fc.record({ family: fc.constant(6 as const), value: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }) }),
    // runs of zeros, as people write them
    fc
      .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
      .map((groups) => ({
        family: 6 as const,
        value: groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n),
      })),
  )
  // fast-check gives objects without a prototype
  .map(({ family, value }): Address => ({ family, value }));

describe('addresses', () => {
  for (const [text, canonical] of [
    ['10.1.2.3', '10.1.2.3'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0:0:0:0:0:5', 'fd00::5'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ] as const) {
    test(`${text} is ${canonical}`, () => {
      const address = parseAddress(text);
      assert.ok(address !== undefined);
      assert.equal(formatAddress(address), canonical);
    });
  }

  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.0.0.1',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '10.0.0.1/8',
  ]) {
    test(`"${text}" is no address`, () => {
      assert.equal(parseAddress(text), undefined);
    });
  }

  test('text and bytes come back as they went', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const text = formatAddress(address);
        assert.equal(isIP(text), address.family);
        assert.deepEqual(parseAddress(text), address);
        assert.deepEqual(addressOfBytes(bytesOf(address)), address);
      }),
    );
  });

  test('a prefix has its first and its last address, and not their neighbours', () => {
    fc.assert(
      fc.property(addresses, fc.nat(128), (address, bits) => {
        const length = Math.min(bits, address.family === 4 ? 32 : 128);
        const prefix = prefixOf(address, length);
        assert.ok(contains(prefix, address) && contains(prefix, lastOf(prefix)) && overlaps(prefix, prefix));
        assert.equal(lastOf(prefix).value - prefix.value + 1n, sizeOf(prefix));
        assert.ok(!contains(prefix, { family: address.family, value: lastOf(prefix).value + 1n }) || length === 0);
        assert.deepEqual(parseCidr(formatPrefix(prefix)), {
          address: { family: prefix.family, value: prefix.value },
          prefix,
        });
      }),
    );
  });

  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '::/129', '::/-1', 'x/8', '1.2.3.4/8/8']) {
    test(`"${text}" is no prefix`, () => {
      assert.equal(parseCidr(text), undefined);
    });
  }

  test('bits after the prefix belong to the address alone', () => {
    const parsed = parseCidr('10.1.2.3/24');
    assert.ok(parsed !== undefined);
    assert.equal(formatPrefix(parsed.prefix), '10.1.2.0/24');
    assert.equal(formatAddress(parsed.address), '10.1.2.3');
  });
});
