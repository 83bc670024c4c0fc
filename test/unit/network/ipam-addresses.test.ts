import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatAddress,
  lastOf,
  parseAddress,
  parseCidr,
  sizeOf,
  type Prefix,
} from '../../../daemon/network/address.ts';
import { AddressBook, WINDOW, counterpart } from '../../../daemon/network/ipam/address-book.ts';

function prefix(text: string): Prefix {
  const parsed = parseCidr(text);
  assert.ok(parsed !== undefined);
  return parsed.prefix;
}

function bookOf(subnet: string, gateway: string, range?: string): AddressBook {
  return new AddressBook({ subnet, gateway, range });
}

/** Every address that a container can have, in order. */
function usable(subnet: string, gateway: string, range = subnet): string[] {
  const all = prefix(subnet);
  const round = prefix(range);
  const last = lastOf(all).value;
  return Array.from({ length: Number(sizeOf(round)) }, (_, offset) => round.value + BigInt(offset))
    .filter((value) => value !== all.value && !(all.family === 4 && value === last))
    .map((value) => formatAddress({ family: all.family, value }))
    .filter((text) => text !== gateway);
}

test('addresses are given in order, round and round, and each at its turn again', () => {
  const book = bookOf('10.1.2.0/29', '10.1.2.1');
  const all = ['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6'];
  assert.deepEqual(
    all.map(() => book.next()),
    all,
  );
  assert.equal(book.next(), undefined);
  assert.equal(book.left, 0);
  book.release('10.1.2.5');
  book.release('10.1.2.3');
  // the search goes on behind the last one given: the end, then the beginning
  assert.deepEqual([book.next(), book.next(), book.next()], ['10.1.2.3', '10.1.2.5', undefined]);
});

test('one that was given back rests while others are free', () => {
  const book = bookOf('10.1.2.0/28', '10.1.2.1');
  const first = book.next();
  assert.equal(first, '10.1.2.2');
  for (let turn = 0; turn < 12; turn++) {
    book.release('10.1.2.2');
    assert.equal(book.next(), `10.1.2.${3 + turn}`);
  }
  assert.equal(book.next(), '10.1.2.2');
});

test('what cannot be asked for says why', () => {
  const book = bookOf('10.1.2.0/24', '10.1.2.9', '10.1.2.128/25');
  assert.equal(book.take('10.1.2.9'), 'gateway');
  assert.equal(book.take('10.1.2.0'), 'reserved');
  assert.equal(book.take('10.1.2.255'), 'reserved');
  assert.equal(book.take('10.1.3.1'), 'outside');
  assert.equal(book.take('fd00::1'), 'outside');
  assert.equal(book.take('10.1.2'), 'not_an_address');
  assert.equal(book.take('10.1.2.7'), undefined);
  assert.equal(book.take('10.1.2.7'), 'taken');
  assert.equal(book.take('10.1.2.200'), undefined);
  book.release('10.1.2.7');
  assert.equal(book.take('10.1.2.7'), undefined);
  const six = bookOf('fd00::/64', 'fd00::1');
  assert.equal(six.take('fd00::'), 'reserved');
  assert.equal(six.take('fd00::ffff:ffff:ffff:ffff'), undefined);
});

test('giving back what is not taken, or is nobody’s to give, changes nothing', () => {
  const book = bookOf('10.1.2.0/30', '10.1.2.1');
  for (const text of ['10.1.2.0', '10.1.2.1', '10.1.2.2', '10.1.2.3', '10.9.9.9', 'fd00::1', 'nonsense']) {
    book.release(text);
  }
  assert.equal(book.left, 1);
  assert.deepEqual([book.next(), book.next()], ['10.1.2.2', undefined]);
});

test('a range is gone round, and all of the subnet can be asked for', () => {
  const book = bookOf('10.1.2.0/24', '10.1.2.1', '10.1.2.4/31');
  assert.deepEqual([book.next(), book.next(), book.next()], ['10.1.2.4', '10.1.2.5', undefined]);
  assert.equal(book.take('10.1.2.77'), undefined);
  assert.equal(book.take('10.1.2.77'), 'taken');
});

test('the gateway may be anywhere', () => {
  assert.deepEqual(bookOf('10.1.2.0/29', '10.1.2.6').next(), '10.1.2.1');
  const book = bookOf('10.1.2.0/29', '10.1.2.4', '10.1.2.4/30');
  assert.deepEqual([book.next(), book.next(), book.next()], ['10.1.2.5', '10.1.2.6', undefined]);
});

test('a large subnet is no matter of its size', () => {
  const book = bookOf('10.0.0.0/8', '10.0.0.1');
  assert.equal(book.left, WINDOW - 3);
  assert.equal(book.next(), '10.0.0.2');
  const six = bookOf('fd00::/48', 'fd00::1');
  assert.equal(six.next(), 'fd00::2');
  assert.equal(six.take('fd00:0:0:8000::5'), undefined);
  assert.equal(six.take('fd00:0:0:8000::5'), 'taken');
  six.release('fd00:0:0:8000::5');
  assert.equal(six.take('fd00:0:0:8000::5'), undefined);
});

test('what is no subnet is refused', () => {
  assert.throws(() => bookOf('10.1.2.0', '10.1.2.1'), RangeError);
  assert.throws(() => bookOf('10.1.2.0/24', 'gateway'), RangeError);
  assert.throws(() => bookOf('10.1.2.0/24', '10.1.2.1', 'all'), RangeError);
});

test('the IPv6 address has the host part of the IPv4 one, where there is room and nobody has it', () => {
  const subnet = prefix('172.16.16.0/20');
  const of = (text: string, six: string) => {
    const address = parseAddress(text);
    assert.ok(address !== undefined);
    const found = counterpart(prefix(six), { subnet, address });
    return found === undefined ? undefined : formatAddress(found);
  };
  assert.equal(of('172.16.21.10', 'fd00:1::/64'), 'fd00:1::50a');
  assert.equal(of('172.16.16.2', 'fd00:1::/126'), 'fd00:1::2');
  assert.equal(of('172.16.16.4', 'fd00:1::/126'), undefined);
  assert.equal(of('172.16.15.4', 'fd00:1::/64'), undefined);
  const book = bookOf('fd00:1::/64', 'fd00:1::1');
  const preferred = parseAddress('fd00:1::50a');
  assert.equal(book.next(preferred), 'fd00:1::50a');
  assert.equal(book.next(preferred), 'fd00:1::2');
  assert.equal(book.next(parseAddress('fd00:1::1')), 'fd00:1::3');
  assert.equal(book.next(parseAddress('10.0.0.1')), 'fd00:1::4');
});

const subnets = fc.oneof(
  fc.record({ base: fc.constantFrom('10.1.4.0', '10.1.6.128'), length: fc.integer({ min: 25, max: 30 }) }),
  fc.record({ base: fc.constantFrom('fd00:1::', 'fd00:1::8000'), length: fc.integer({ min: 121, max: 126 }) }),
);

/** A subnet, its gateway, and maybe a range: texts. */
const shapes = subnets.chain(({ base, length }) => {
  const subnet = prefix(`${base}/${length}`);
  const text = `${formatAddress(subnet)}/${length}`;
  const hosts = Number(sizeOf(subnet)) - (subnet.family === 4 ? 2 : 1);
  return fc
    .record({ host: fc.integer({ min: 1, max: hosts }), inner: fc.integer({ min: 0, max: 2 }), at: fc.nat() })
    .map(({ host, inner, at }) => {
      const gateway = formatAddress({ family: subnet.family, value: subnet.value + BigInt(host) });
      const size = sizeOf(subnet) >> BigInt(inner);
      const value = subnet.value + size * BigInt(at % 2 ** inner);
      const range = `${formatAddress({ family: subnet.family, value })}/${length + inner}`;
      return { subnet: text, gateway, range: inner === 0 ? undefined : range };
    });
});

test('every address of the range is given once, and no other', () => {
  fc.assert(
    fc.property(shapes, ({ subnet, gateway, range }) => {
      const book = bookOf(subnet, gateway, range);
      const expected = usable(subnet, gateway, range);
      const given: string[] = [];
      for (let text = book.next(); text !== undefined; text = book.next()) given.push(text);
      assert.deepEqual(given, expected);
      for (const text of expected) assert.equal(book.take(text), 'taken');
      for (const text of expected) book.release(text);
      assert.equal(book.left, expected.length);
    }),
  );
});

const steps = fc.array(
  fc.record({ kind: fc.constantFrom('next', 'prefer', 'take', 'release'), pick: fc.nat({ max: 255 }) }),
  { maxLength: 300 },
);

test('whatever is taken and given back in whatever order: never twice, and never denied while one is free', () => {
  fc.assert(
    fc.property(shapes, steps, ({ subnet, gateway, range }, actions) => {
      const book = bookOf(subnet, gateway, range);
      const whole = usable(subnet, gateway);
      const round = new Set(usable(subnet, gateway, range));
      const taken = new Set<string>();
      const freeInRound = () => [...round].filter((text) => !taken.has(text)).length;
      for (const { kind, pick } of actions) {
        const text = whole[pick % whole.length] ?? '';
        if (kind === 'take') {
          assert.equal(book.take(text), taken.has(text) ? 'taken' : undefined);
          taken.add(text);
        } else if (kind === 'release') {
          book.release(text);
          taken.delete(text);
        } else {
          const before = freeInRound();
          const wanted = kind === 'prefer' ? text : undefined;
          const given = book.next(wanted === undefined ? undefined : parseAddress(wanted));
          if (given === undefined) assert.equal(before, 0);
          else {
            assert.ok(round.has(given) && !taken.has(given), given);
            if (wanted !== undefined && round.has(wanted) && !taken.has(wanted)) assert.equal(given, wanted);
            taken.add(given);
          }
        }
        assert.equal(book.left, freeInRound());
      }
    }),
  );
});
