import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EPHEMERAL, PortBook, type PortRange } from '../../../daemon/network/ipam/port-book.ts';

function range(hostPort: number, given: Partial<PortRange> = {}): PortRange {
  return { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort, count: 1, ...given };
}

test('a port is published once an address and protocol', () => {
  const book = new PortBook<string>();
  book.add(range(80), 'web');
  assert.deepEqual(book.conflict(range(80)), { range: range(80), owner: 'web' });
  assert.equal(book.conflict(range(81)), undefined);
  assert.equal(book.conflict(range(80, { protocol: 'udp' })), undefined);
  assert.equal(book.conflict(range(80, { hostAddress: '::' })), undefined);
  assert.throws(() => {
    book.add(range(80), 'other');
  }, RangeError);
  book.remove(range(80));
  assert.equal(book.conflict(range(80)), undefined);
});

test('all addresses meet each of their family', () => {
  const book = new PortBook<string>();
  book.add(range(80, { hostAddress: '127.0.0.1' }), 'local');
  book.add(range(80, { hostAddress: '192.0.2.1' }), 'outer');
  assert.equal(book.conflict(range(80, { hostAddress: '192.0.2.2' })), undefined);
  assert.ok(book.conflict(range(80)) !== undefined);
  assert.equal(book.conflict(range(80, { hostAddress: '::1' })), undefined);
  book.add(range(90, { hostAddress: '::' }), 'six');
  assert.equal(book.conflict(range(90, { hostAddress: '::1' }))?.owner, 'six');
  assert.equal(book.conflict(range(90, { hostAddress: '127.0.0.1' })), undefined);
});

test('ranges meet where they share a port', () => {
  const book = new PortBook<string>();
  book.add(range(100, { count: 10 }), 'wide');
  book.add(range(120, { count: 10 }), 'far');
  assert.equal(book.conflict(range(90, { count: 10 })), undefined);
  assert.equal(book.conflict(range(90, { count: 11 }))?.owner, 'wide');
  assert.equal(book.conflict(range(109))?.owner, 'wide');
  assert.equal(book.conflict(range(110, { count: 10 })), undefined);
  assert.equal(book.conflict(range(1, { count: 65_535 }))?.owner, 'far');
  // another range of the same first port is not the one that is there
  book.remove(range(100, { count: 5 }));
  book.remove(range(101, { count: 9 }));
  assert.equal(book.conflict(range(100))?.owner, 'wide');
  book.remove(range(100, { count: 10 }));
  assert.equal(book.conflict(range(100, { count: 20 })), undefined);
});

test('a free port is another one each time, until there is none', () => {
  const book = new PortBook<string>();
  const all = ['0.0.0.0', '::'];
  assert.equal(book.choose('tcp', all, 1), EPHEMERAL.first);
  // given back, or never taken: the next one all the same
  assert.equal(book.choose('tcp', all, 3), EPHEMERAL.first + 1);
  book.add(range(EPHEMERAL.first + 5, { hostAddress: '::', count: 5 }), 'six');
  assert.equal(book.choose('tcp', all, 2), EPHEMERAL.first + 10);
  assert.equal(
    book.choose('tcp', all, 1, (port) => port > 50_000),
    50_001,
  );
  const rest = EPHEMERAL.last - 50_001;
  assert.equal(book.choose('tcp', all, rest), 50_002);
  // from the beginning again
  assert.equal(book.choose('tcp', all, 1), EPHEMERAL.first);
  assert.equal(
    book.choose('tcp', all, 1, () => false),
    undefined,
  );
  assert.equal(book.choose('tcp', all, EPHEMERAL.last - EPHEMERAL.first + 2), undefined);
  book.add(range(EPHEMERAL.first + 20, { count: EPHEMERAL.last - EPHEMERAL.first - 19 }), 'most');
  assert.equal(book.choose('tcp', all, 5), EPHEMERAL.first + 10);
  assert.equal(book.choose('udp', all, 1), EPHEMERAL.first + 15);
});

test('what is no address is refused', () => {
  assert.throws(() => new PortBook<string>().conflict(range(80, { hostAddress: 'localhost' })), RangeError);
});

const ranges = fc
  .record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    hostAddress: fc.constantFrom('0.0.0.0', '127.0.0.1', '192.0.2.1', '::', '::1'),
    hostPort: fc.integer({ min: 1, max: 60 }),
    count: fc.integer({ min: 1, max: 8 }),
  })
  .map((one): PortRange => ({ ...one }));

/** By definition: port by port. */
function meets(a: PortRange, b: PortRange): boolean {
  const family = ({ hostAddress }: PortRange) => (hostAddress.includes(':') ? 6 : 4);
  const wild = ({ hostAddress }: PortRange) => hostAddress === '0.0.0.0' || hostAddress === '::';
  return (
    a.protocol === b.protocol &&
    family(a) === family(b) &&
    (a.hostAddress === b.hostAddress || wild(a) || wild(b)) &&
    a.hostPort < b.hostPort + b.count &&
    b.hostPort < a.hostPort + a.count
  );
}

test('whatever is published and taken back: a conflict is found where there is one', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ range: ranges, remove: fc.nat({ max: 3 }) }), { maxLength: 80 }), (steps) => {
      const book = new PortBook<number>();
      const there: PortRange[] = [];
      for (const [owner, { range: next, remove }] of steps.entries()) {
        if (remove === 0) {
          const [gone] = there.splice(0, 1);
          if (gone !== undefined) book.remove(gone);
        }
        const found = book.conflict(next);
        assert.equal(
          found !== undefined,
          there.some((one) => meets(one, next)),
        );
        if (found !== undefined) {
          assert.ok(meets(found.range, next));
          continue;
        }
        book.add(next, owner);
        there.push(next);
      }
    }),
  );
});
