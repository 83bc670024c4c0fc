import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { interfacesOf } from '../../../daemon/engine/stats.ts';

const HEAD = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;

test('interfaces are read from /proc/PID/net/dev, but lo', () => {
  const text = `${HEAD}    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 1234567      89    1    2    0     0          0         0   765432      98    3    4    0     0       0          0
`;
  assert.deepEqual(interfacesOf(text), {
    eth0: {
      rxBytes: 1_234_567,
      rxPackets: 89,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 765_432,
      txPackets: 98,
      txErrors: 3,
      txDropped: 4,
    },
  });
});

test('whatever stands there, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      interfacesOf(HEAD + text);
    }),
  );
});
