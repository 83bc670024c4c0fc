/** How the host's resolv.conf is read, and read again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { HostResolvers } from '../../../daemon/network/dns/host-resolvers.ts';
import { parseResolvConf } from '../../../daemon/network/dns/resolv-conf.ts';

describe('resolv.conf', () => {
  test('has servers, search domains and options; comments and what is unknown are passed over', () => {
    const text = [
      '# nameserver 192.0.2.9',
      '; nameserver 192.0.2.8',
      'nameserver 192.0.2.1',
      'nameserver\t2001:db8::1  # the second',
      'nameserver fe80::1%eth0',
      'nameserver nonsense',
      'nameserver',
      ' nameserver 192.0.2.7',
      'domain first.example',
      'search a.example b.example',
      'options edns0 ndots:2',
      'options rotate',
      'sortlist 192.0.2.0',
      '',
    ].join('\n');
    assert.deepEqual(parseResolvConf(text), {
      text,
      servers: ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0'],
      search: ['a.example', 'b.example'],
      options: ['edns0', 'ndots:2', 'rotate'],
    });
    assert.deepEqual(parseResolvConf('search a.example\ndomain b.example c.example').search, ['b.example']);
  });

  test('of any text is read', () => {
    const words = fc.constantFrom('nameserver', 'search', 'options', '\n', ' ', '\t', '::1', '10.0.0.1', '\0', '#');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((list) => list.join('')),
        ),
        (text) => {
          const { servers, search, options } = parseResolvConf(text);
          for (const word of [...servers, ...search, ...options]) assert.match(word, /^[^ \t\r\n]+$/);
        },
      ),
    );
  });
});

describe("the host's resolvers", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-resolvers-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('are read again when the file has changed, by writing or by renaming', () => {
    const own = join(folder, 'own');
    const resolvers = new HostResolvers({ own, behindStub: join(folder, 'none') }, 0);
    assert.deepEqual(resolvers.current().servers, []);
    writeFileSync(own, 'nameserver 192.0.2.1\n');
    assert.deepEqual(resolvers.current().servers, ['192.0.2.1']);
    assert.equal(resolvers.current(), resolvers.current());
    writeFileSync(join(folder, 'new'), 'nameserver 192.0.2.2\n');
    renameSync(join(folder, 'new'), own);
    assert.deepEqual(resolvers.current().servers, ['192.0.2.2']);
    rmSync(own);
    assert.deepEqual(resolvers.current().servers, []);
  });

  test('are those behind the stub where the file names the stub alone', () => {
    const [own, behindStub] = [join(folder, 'stub'), join(folder, 'behind')];
    const resolvers = new HostResolvers({ own, behindStub }, 0);
    writeFileSync(own, 'nameserver 127.0.0.53\noptions edns0\nsearch one.example\n');
    assert.deepEqual(resolvers.current().servers, ['127.0.0.53']);
    writeFileSync(behindStub, 'nameserver 192.0.2.3\nsearch two.example\n');
    assert.deepEqual(resolvers.current().servers, ['192.0.2.3']);
    assert.deepEqual(resolvers.current().search, ['two.example']);
    writeFileSync(own, 'nameserver 127.0.0.53\nnameserver 192.0.2.4\n');
    assert.deepEqual(resolvers.current().servers, ['127.0.0.53', '192.0.2.4']);
    writeFileSync(own, 'nameserver 127.0.0.1\n');
    assert.deepEqual(resolvers.current().servers, ['127.0.0.1']);
  });

  test('are none where the file is no file, or too large for one', () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    assert.deepEqual(new HostResolvers({ own: fifo, behindStub: fifo }, 0).current().servers, []);
    const large = join(folder, 'large');
    writeFileSync(large, `nameserver 192.0.2.1\n${'#'.repeat(70_000)}\n`);
    assert.deepEqual(new HostResolvers({ own: large, behindStub: large }, 0).current().servers, []);
    assert.deepEqual(new HostResolvers({ own: folder, behindStub: folder }, 0).current().servers, []);
  });
});
