/** /etc/hosts, hostname and resolv.conf of a container: their content, and how they are written. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ContainerFileError,
  containerFilePaths,
  containerFiles,
  nameserversOf,
  writeContainerFiles,
  type ContainerFilesWish,
} from '../../../daemon/network/container-files.ts';
import { parseResolvConf } from '../../../daemon/network/dns/resolv-conf.ts';

const host = parseResolvConf('# the host\nnameserver 192.0.2.53\nsearch corp.example\noptions edns0\n');
const plain: ContainerFilesWish = {
  hostname: 'web',
  addresses: ['10.1.0.2', 'fd00:1::2'],
  hostGateways: ['10.1.0.1', 'fd00:1::1'],
  nameservers: ['10.1.0.1', 'fd00:1::1'],
  host,
};

describe('the content of', () => {
  test('hosts: the loopback, what was asked for, its own addresses', () => {
    const { hosts } = containerFiles({
      ...plain,
      domainname: 'corp.example',
      hosts: [
        { name: 'db', address: '192.0.2.9' },
        { name: 'outside', address: 'host-gateway' },
      ],
    });
    assert.equal(
      hosts,
      [
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        'fe00::0\tip6-localnet',
        'ff00::0\tip6-mcastprefix',
        'ff02::1\tip6-allnodes',
        'ff02::2\tip6-allrouters',
        '192.0.2.9\tdb',
        '10.1.0.1\toutside',
        'fd00:1::1\toutside',
        '10.1.0.2\tweb.corp.example web',
        'fd00:1::2\tweb.corp.example web',
        '',
      ].join('\n'),
    );
  });

  test('hostname', () => {
    assert.equal(containerFiles(plain).hostname, 'web\n');
  });

  const resolvConf = (rest: Partial<ContainerFilesWish>): string => containerFiles({ ...plain, ...rest }).resolvConf;

  test("resolv.conf on a bridge: our own servers, and the host's search and options", () => {
    assert.equal(
      resolvConf({}),
      'nameserver 10.1.0.1\nnameserver fd00:1::1\nsearch corp.example\noptions edns0 ndots:0\n',
    );
  });

  test('resolv.conf on a bridge with wishes: still our own servers', () => {
    const dns = { servers: ['192.0.2.1'], search: ['a.example', 'b.example'], options: ['ndots:2', 'rotate'] };
    assert.equal(
      resolvConf({ dns }),
      'nameserver 10.1.0.1\nnameserver fd00:1::1\nsearch a.example b.example\noptions ndots:2 rotate\n',
    );
    const servers = 'nameserver 10.1.0.1\nnameserver fd00:1::1\n';
    assert.equal(resolvConf({ dns: { search: [], options: [] } }), `${servers}options ndots:0\n`);
    assert.equal(resolvConf({ dns: { search: ['.'] } }), `${servers}options edns0 ndots:0\n`);
  });

  test("resolv.conf without a bridge: the host's, or what was given in its place", () => {
    assert.equal(resolvConf({ nameservers: undefined }), host.text);
    assert.equal(resolvConf({ nameservers: undefined, dns: {} }), host.text);
    assert.equal(
      resolvConf({ nameservers: undefined, dns: { servers: ['192.0.2.1', 'fd00::53'] } }),
      'nameserver 192.0.2.1\nnameserver fd00::53\nsearch corp.example\noptions edns0\n',
    );
    assert.equal(
      resolvConf({ nameservers: undefined, dns: { search: ['a.example'], options: ['ndots:1'] } }),
      'nameserver 192.0.2.53\nsearch a.example\noptions ndots:1\n',
    );
  });

  test('host-gateway where there is none is refused', () => {
    const hosts = [{ name: 'outside', address: 'host-gateway' as const }];
    assert.throws(() => containerFiles({ ...plain, hosts, hostGateways: [] }), ContainerFileError);
  });

  test('each file: no word makes another line or another word of itself', () => {
    const odd = fc.oneof(
      fc.string(),
      fc.constantFrom('a b', 'a\n10.0.0.1 bank.example', 'a\tb', 'a#b', '', '10.0.0.1\nx', 'a\r', 'a\u0085b', 'ä'),
    );
    fc.assert(
      fc.property(odd, fc.nat(7), (text, place) => {
        const wish: ContainerFilesWish = {
          ...plain,
          ...[
            { hostname: text },
            { domainname: text },
            { addresses: [text] },
            { hosts: [{ name: text, address: '192.0.2.1' }] },
            { hosts: [{ name: 'x', address: text }] },
            { nameservers: [text] },
            { dns: { search: [text] } },
            { dns: { options: [text] } },
          ][place],
        };
        let files;
        try {
          files = containerFiles(wish);
        } catch (error) {
          assert.ok(error instanceof ContainerFileError);
          return;
        }
        const lines = `${files.hosts}${files.hostname}${files.resolvConf}`.split('\n');
        assert.ok(lines.length <= 6 + 1 + 2 + 1 + 4 + 1);
        assert.ok(lines.every((line) => /^[\x20-\x7e\t]*$/.test(line) && !line.includes('#')));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the name servers of a container', () => {
  const inner = { internal: true, gateways: ['10.1.0.1'] };
  const outer = { internal: false, gateways: ['fd00:2::1', '10.2.0.1'] };
  test('are those of the first network that reaches outside, IPv4 first', () => {
    assert.deepEqual(nameserversOf([inner, outer]), ['10.2.0.1', 'fd00:2::1']);
    assert.deepEqual(nameserversOf([outer, inner]), ['10.2.0.1', 'fd00:2::1']);
    assert.deepEqual(nameserversOf([inner]), ['10.1.0.1']);
    assert.deepEqual(nameserversOf([]), []);
  });
});

describe('the files', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-files-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const files = { hosts: 'hosts, the first\n', hostname: 'web\n', resolvConf: 'nameserver 10.1.0.1\n' };

  test('are readable by all whatever the umask, and are written in place', () => {
    const umask = process.umask(0o077);
    try {
      const directory = join(folder, 'one');
      writeContainerFiles(directory, files);
      const paths = containerFilePaths(directory);
      const open = openSync(paths.hosts, 'r');
      const { ino } = statSync(paths.hosts);
      for (const path of [paths.hosts, paths.hostname, paths.resolvConf])
        assert.equal(statSync(path).mode & 0o777, 0o644);
      writeContainerFiles(directory, { ...files, hosts: 'less\n' });
      assert.equal(statSync(paths.hosts).ino, ino);
      assert.equal(readFileSync(open, 'utf8'), 'less\n');
      closeSync(open);
      assert.equal(readFileSync(paths.resolvConf, 'utf8'), files.resolvConf);
    } finally {
      process.umask(umask);
    }
  });

  test("belong to root of the container's user namespace, and to nobody's link", () => {
    const directory = join(folder, 'two');
    writeContainerFiles(directory, files, { uid: 100_000, gid: 100_001 });
    const paths = containerFilePaths(directory);
    const { uid, gid } = statSync(paths.hostname);
    assert.deepEqual([uid, gid], [100_000, 100_001]);
    const target = join(folder, 'target');
    writeFileSync(target, 'untouched');
    rmSync(paths.hosts);
    symlinkSync(target, paths.hosts);
    assert.throws(() => writeContainerFiles(directory, files), { code: 'ELOOP' });
    assert.equal(readFileSync(target, 'utf8'), 'untouched');
  });
});
