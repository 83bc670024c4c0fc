/** The tables of rtnetlink: what is written by name comes back by name, and no bytes do more than be refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bitsOf, prefixOf, type Address, type Prefix } from '../../../daemon/network/address.ts';
import { cidrOf, decodeAddress, encodeAddress, globalAddress } from '../../../daemon/network/rtnetlink/addresses.ts';
import { decodeAttributes, encodeAttributes, MalformedMessage } from '../../../daemon/network/rtnetlink/attributes.ts';
import { AF_BRIDGE, AF_INET, AF_INET6 } from '../../../daemon/network/rtnetlink/families.ts';
import * as fields from '../../../daemon/network/rtnetlink/fields.ts';
import { KINDS, PORTS } from '../../../daemon/network/rtnetlink/kinds.ts';
import { decodeInfo, encodeInfo, type LinkInfo } from '../../../daemon/network/rtnetlink/link-info.ts';
import { LINK_FIELDS } from '../../../daemon/network/rtnetlink/link-settings.ts';
import { decodeLink, encodeSpec } from '../../../daemon/network/rtnetlink/links.ts';
import { decodeEvent } from '../../../daemon/network/rtnetlink/monitor.ts';
import { decodeNeighbour, encodeNeighbour, NEIGHBOUR_FIELDS } from '../../../daemon/network/rtnetlink/neighbours.ts';
import { decodeRoute, encodeRoute, METRICS, ROUTE_FIELDS } from '../../../daemon/network/rtnetlink/routes.ts';
import { decodeRule, encodeRule, RULE_FIELDS } from '../../../daemon/network/rtnetlink/rules.ts';

type Values = Record<string, unknown>;
type Parts<T> = { [K in keyof T]: fc.Arbitrary<T[K]> };
/** Plain objects, as what is decoded is. */
function record<T>(parts: Parts<T>): fc.Arbitrary<T> {
  return fc.record(parts, { noNullPrototype: true });
}
function some<T>(parts: Parts<T>): fc.Arbitrary<Partial<T>> {
  return fc.record(parts, { noNullPrototype: true, requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const bits = (count: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** count - 1 });
const octet = bits(8).map((value) => value.toString(16).padStart(2, '0'));
const addressOf = (family: 4 | 6): fc.Arbitrary<Address> =>
  fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(family))) - 1n }).map((value) => ({ family, value }));
const family = fc.constantFrom(4 as const, 6 as const);
const prefixIn = (of: 4 | 6): fc.Arbitrary<Prefix> =>
  fc.tuple(addressOf(of), fc.nat(bitsOf(of))).map(([address, length]) => prefixOf(address, length));
const mac = fc.array(octet, { minLength: 6, maxLength: 6 }).map((octets) => octets.join(':'));
const rangeOf = (count: number): fc.Arbitrary<fields.Range> => record({ from: bits(count), to: bits(count) });

/** A value for whatever a codec takes; `own`: what it cannot tell by the codec, by name. */
function valueFor(
  key: string,
  { write }: fields.Codec<unknown>,
  own: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<unknown> {
  const known = new Map<unknown, fc.Arbitrary<unknown>>([
    [fields.U8.write, bits(8)],
    [fields.U16.write, bits(16)],
    [fields.BE16.write, bits(16)],
    [fields.U32.write, bits(32)],
    [fields.S32.write, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
    [fields.BOOLEAN.write, fc.boolean()],
    [fields.PRESENT.write, fc.constant(true)],
    [fields.TEXT.write, fc.string({ maxLength: 15 }).filter((value) => !value.includes('\0'))],
    [fields.MAC.write, mac],
    [fields.ADDRESS.write, family.chain(addressOf)],
    [fields.U16_RANGE.write, rangeOf(16)],
    [fields.BE16_RANGE.write, rangeOf(16)],
    [fields.U32_RANGE.write, rangeOf(32)],
  ]);
  const found = own[key] ?? known.get(write);
  assert.ok(found !== undefined, `no values for ${key}`);
  return found;
}

/** Some of a table, without the values of `left`. */
function valuesOf(
  table: fields.Fields,
  own: Record<string, fc.Arbitrary<unknown>> = {},
  left?: string,
): fc.Arbitrary<Values> {
  const keys = Object.entries(table).filter(([key]) => key !== left);
  return some<Values>(Object.fromEntries(keys.map(([key, field]) => [key, valueFor(key, field, own)])));
}

const OWN = {
  remote4: addressOf(4),
  local4: addressOf(4),
  remote6: addressOf(6),
  local6: addressOf(6),
  sources: fc.array(mac, { maxLength: 4 }),
  flags: bits(16),
  egress: fc.array(rangeOf(32), { maxLength: 4 }),
  ingress: fc.array(rangeOf(32), { maxLength: 4 }),
};
const kindValues = (name: string, table: fields.Fields): fc.Arbitrary<Values> =>
  valuesOf(table, name === 'vlan' ? { ...OWN, flags: record({ flags: bits(32), mask: bits(32) }) } : OWN);

test('links of every kind come back as they went', () => {
  const kinds: fc.Arbitrary<LinkInfo['link']>[] = Object.entries(KINDS).map(([kind, table]) =>
    kindValues(kind, table).map((data) => ({ kind, data }) as LinkInfo['link']),
  );
  const ports = valuesOf(PORTS.bridge).map((data): LinkInfo['port'] => ({ kind: 'bridge', data }));
  const info = some({ link: fc.oneof(...kinds), port: ports });
  const settings = fc
    .tuple(valuesOf(LINK_FIELDS, {}, 'name'), fc.stringMatching(/^[a-z0-9]{1,15}$/))
    .map(([values, name]) => ({ ...values, name }));
  fc.assert(
    fc.property(info, settings, bits(31), fc.boolean(), (about, values, index, isUp) => {
      const link = decodeLink(encodeSpec({ index, isUp, settings: values, info: about as LinkInfo }));
      assert.deepEqual({ ...link.settings }, values);
      assert.deepEqual([link.index, link.isUp, link.name], [index, isUp, values.name]);
      assert.deepEqual(link.info, about);
    }),
  );
});

test('a kind without a table is kept as it is; the other end of a veth is written and not read', () => {
  const never = (): Uint8Array => assert.fail();
  const data = [{ type: 7, value: new Uint8Array([1, 2, 3]) }];
  const written = encodeInfo({ link: { kind: 'other', name: 'geneve', data } }, never);
  const { link } = decodeInfo(written.value);
  assert.ok(link?.kind === 'other' && link.name === 'geneve');
  assert.deepEqual([...(link.data?.[0]?.value ?? [])], [1, 2, 3]);
  const pair = encodeSpec({
    settings: { name: 'a' },
    info: { link: { kind: 'veth', peer: { settings: { name: 'b', mac: '02:00:00:00:00:01' } } } },
  });
  assert.deepEqual(decodeLink(pair).info, { link: { kind: 'veth' } });
  assert.ok(pair.includes('b\0'), 'its name is in it');
});

test('routes and next hops come back as they went', () => {
  const route = family.chain((of) => {
    const own = {
      metrics: valuesOf(METRICS),
      nextHops: fc.array(
        record({ link: bits(31), weight: fc.integer({ min: 1, max: 256 }), flags: bits(8), gateway: addressOf(of) }),
        { maxLength: 4 },
      ),
    };
    return record({
      family: fc.constant(of),
      destination: prefixIn(of),
      source: prefixIn(of),
      typeOfService: bits(8),
      table: bits(32),
      protocol: bits(8),
      scope: bits(8),
      type: bits(8),
      flags: bits(32),
      settings: valuesOf(ROUTE_FIELDS, own, 'table'),
    });
  });
  fc.assert(
    fc.property(route, (value) => {
      assert.deepEqual(decodeRoute(encodeRoute(value)), value);
    }),
  );
});

test('neighbours and rules come back as they went', () => {
  const neighbour = record({
    family: fc.constantFrom(AF_INET, AF_INET6, AF_BRIDGE),
    link: bits(31),
    state: bits(16),
    flags: bits(8),
    type: bits(8),
    settings: valuesOf(NEIGHBOUR_FIELDS),
  });
  fc.assert(
    fc.property(neighbour, (value) => {
      assert.deepEqual(decodeNeighbour(encodeNeighbour(value)), value);
    }),
  );
  const rule = family.chain((of) =>
    record({
      family: fc.constant(of),
      destination: prefixIn(of),
      source: prefixIn(of),
      typeOfService: bits(8),
      table: bits(32),
      action: bits(8),
      flags: bits(32),
      settings: valuesOf(RULE_FIELDS, {}, 'table'),
    }),
  );
  fc.assert(
    fc.property(rule, (value) => {
      assert.deepEqual(decodeRule(encodeRule(value)), value);
    }),
  );
});

test('an address by its text', () => {
  const broadcastOf = (cidr: string): string | undefined => {
    const { attributes } = decodeAddress(encodeAddress(globalAddress(3, cidr)));
    const found = attributes.find(({ type }) => type === 4);
    return found && fields.ADDRESS.read(found.value).value.toString(16);
  };
  for (const cidr of ['10.1.2.3/24', '10.1.2.3/32', 'fd00::5/64']) {
    const address = decodeAddress(encodeAddress(globalAddress(3, cidr)));
    assert.equal(cidrOf(address), cidr);
    assert.deepEqual([address.link, address.scope], [3, 0]);
  }
  assert.equal(broadcastOf('10.1.2.3/24'), '0a0102ff'.slice(1));
  assert.equal(broadcastOf('10.1.2.3/31'), undefined);
  assert.throws(() => globalAddress(3, '10.1.2.3'), RangeError);
});

test('values that an attribute cannot hold are refused', () => {
  const wrong: (() => Uint8Array)[] = [
    () => fields.U8.write(256),
    () => fields.U16.write(-1),
    () => fields.BE16.write(65_536),
    () => fields.U32.write(1.5),
    () => fields.S32.write(2 ** 31),
    () => fields.U64.write(1n << 64n),
    () => fields.TEXT.write('a\0b'),
    () => fields.MAC.write('02-00'),
    () => fields.addressOf(4).write({ family: 6, value: 1n }),
  ];
  for (const write of wrong) assert.throws(write, RangeError, String(write));
  assert.equal(fields.U64.read(fields.U64.write(2n ** 63n + 5n)), 2n ** 63n + 5n);
});

test('no bytes do more than be refused', () => {
  const survives = (action: () => unknown): void => {
    try {
      action();
    } catch (error) {
      assert.ok(error instanceof MalformedMessage, String(error));
    }
  };
  // Sound attributes of the wrong sizes reach further than noise does.
  const attributes = fc
    .array(record({ type: fc.nat(60), value: fc.uint8Array({ maxLength: 24 }) }), { maxLength: 12 })
    .map((list) => encodeAttributes(list));
  const inner = fc.oneof(fc.uint8Array({ maxLength: 120 }), attributes);
  const headed = fc.tuple(fc.uint8Array({ minLength: 8, maxLength: 16 }), inner).map((parts) => Buffer.concat(parts));
  const families = fc.tuple(fc.constantFrom(0, 2, 7, 10), fc.oneof(inner, headed)).map(([of, input]) => {
    const bytes = Buffer.from(input);
    if (bytes.length > 0) bytes[0] = of;
    return bytes;
  });
  const tables = [LINK_FIELDS, ROUTE_FIELDS, NEIGHBOUR_FIELDS, RULE_FIELDS, ...Object.values(KINDS), PORTS.bridge];
  fc.assert(
    fc.property(families, fc.constantFrom(16, 17, 20, 21, 24, 25, 28, 29, 32, 33, 99), (body, type) => {
      survives(() => decodeEvent({ type, flags: 0, sequence: 0, body }));
      survives(() => decodeInfo(body));
      for (const table of tables) survives(() => fields.decodeFields<fields.Fields>(table, decodeAttributes(body)));
    }),
    { numRuns: 3000 },
  );
});
