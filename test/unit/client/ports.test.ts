/** Published ports as `ps` and `port` show them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { portLines, portsText } from '../../../client/format/ports.ts';
import { PROTOCOLS, type PublishedPort } from '../../../shared/api/network.ts';

const published = (port: Partial<PublishedPort>): PublishedPort => ({
  containerPort: 80,
  hostPort: 8080,
  count: 1,
  protocol: 'tcp',
  ...port,
});

describe('published ports', () => {
  it('are shown as docker shows them', () => {
    const cases: readonly (readonly [Partial<PublishedPort>[], string])[] = [
      [[], ''],
      [[{}], '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp'],
      [[{ hostAddress: '127.0.0.1' }], '127.0.0.1:8080->80/tcp'],
      [[{ hostAddress: '::1', protocol: 'udp' }], '[::1]:8080->80/udp'],
      [[{ hostAddress: '0.0.0.0', count: 11, hostPort: 8000 }], '0.0.0.0:8000-8010->80-90/tcp'],
      [
        [
          { hostAddress: '0.0.0.0', containerPort: 81, hostPort: 8081 },
          { hostAddress: '0.0.0.0' },
          { hostAddress: '0.0.0.0', containerPort: 82, hostPort: 8082, count: 3 },
        ],
        '0.0.0.0:8080-8084->80-84/tcp',
      ],
      [
        [
          { hostAddress: '0.0.0.0' },
          { hostAddress: '0.0.0.0', containerPort: 81, hostPort: 9000 },
          { hostAddress: '0.0.0.0', containerPort: 81, hostPort: 8081, protocol: 'udp' },
        ],
        '0.0.0.0:8080->80/tcp, 0.0.0.0:9000->81/tcp, 0.0.0.0:8081->81/udp',
      ],
    ];
    for (const [ports, text] of cases) assert.equal(portsText(ports.map(published)), text);
    const { hostPort, ...unknown } = published({ containerPort: 9, count: 2 });
    assert.equal(hostPort, 8080);
    assert.match(portsText([unknown]), /^9-10\/tcp/);
    assert.deepEqual(portLines([unknown]), []);
  });

  it('are one line each, of ranges too', () => {
    assert.deepEqual(portLines([published({ count: 2 })]), [
      { container: '80/tcp', host: '0.0.0.0:8080' },
      { container: '80/tcp', host: '[::]:8080' },
      { container: '81/tcp', host: '0.0.0.0:8081' },
      { container: '81/tcp', host: '[::]:8081' },
    ]);
  });

  it('are all shown, however they lie', () => {
    const port = fc.record({
      containerPort: fc.integer({ min: 1, max: 40 }),
      hostPort: fc.integer({ min: 1, max: 40 }),
      count: fc.integer({ min: 1, max: 5 }),
      protocol: fc.constantFrom(...PROTOCOLS),
      hostAddress: fc.constantFrom('0.0.0.0', '::', '10.0.0.1'),
    });
    fc.assert(
      fc.property(fc.array(port, { maxLength: 12 }), (ports) => {
        const shown = portsText(ports)
          .split(', ')
          .filter((text) => text !== '')
          .flatMap((text) => {
            const [, address = '', host = '', hostEnd = host, inside = '', end = inside, protocol = ''] =
              /^(.*):(\d+)(?:-(\d+))?->(\d+)(?:-(\d+))?\/(\w+)$/.exec(text) ?? [];
            assert.equal(Number(hostEnd) - Number(host), Number(end) - Number(inside), text);
            return Array.from({ length: Number(end) - Number(inside) + 1 }, (_, index) => ({
              container: `${String(Number(inside) + index)}/${protocol}`,
              host: `${address}:${String(Number(host) + index)}`,
            }));
          });
        const order = (lines: readonly object[]) => lines.map((line) => JSON.stringify(line)).toSorted();
        assert.deepEqual(order(shown), order(portLines(ports)));
      }),
    );
  });
});
