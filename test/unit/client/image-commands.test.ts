import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { tar, directory } from '../../harness/tar.ts';
import { startClient, type Ended } from './run-client.ts';
import { ScriptedDaemon, problem, type Answer, type Call } from './scripted-daemon.ts';

const ID = `sha256:${'a'.repeat(64)}`;
const LAYER = `sha256:${'b'.repeat(64)}`;
const DEBIAN = {
  id: ID,
  manifest: `sha256:${'c'.repeat(64)}`,
  names: ['debian:12', 'localhost:5000/deb:12'],
  digests: [`debian@sha256:${'d'.repeat(64)}`],
  platform: 'linux/amd64',
  createdAt: '2026-01-01T00:00:00Z',
  storedAt: '2026-01-01T00:00:00Z',
  size: 116_600_000,
  sharedSize: 0,
  containers: 1,
  labels: { k: 'v' },
};
const PULLED = { images: [{ id: ID, manifest: DEBIAN.manifest, names: ['debian:12'] }], upToDate: false };
const PROGRESS = [
  { status: 'resolved', image: 'debian:12', detail: `sha256:${'d'.repeat(64)}` },
  { status: 'downloading', layer: LAYER, current: 10, total: 20 },
  { status: 'done', layer: LAYER },
];
const absent = problem('image_not_found', 'image "debian:12" is not here', 404);

describe('commands of images, volumes and storage', { timeout: 300_000 }, () => {
  let daemon: ScriptedDaemon;
  let folder: string;
  const config = (): string => join(folder, 'config.json');

  before(async () => {
    daemon = await ScriptedDaemon.listen();
    folder = mkdtempSync(join(tmpdir(), 'tare-images-'));
  });
  after(async () => {
    await daemon.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    daemon.calls.length = 0;
    daemon.answer = () => undefined;
    rmSync(config(), { force: true });
  });

  function tare(...words: string[]): Promise<Ended> {
    return withInput('', ...words);
  }
  function withInput(input: string | Buffer, ...words: string[]): Promise<Ended> {
    const client = startClient(daemon.socket, words, { DOCKER_CONFIG: folder });
    client.child.stdin.end(input);
    return client.ended;
  }
  const answerWith = (body: unknown): void => {
    daemon.answer = (): Answer => ({ status: 200, body });
  };
  const headerOf = (call: Call | undefined, name: string): unknown => call?.headers?.[name];
  const queryOf = (call: Call | undefined): Record<string, string> =>
    Object.fromEntries(new URLSearchParams(call?.url.split('?')[1]));

  it('pull tells its layers, the digest and the name in full', async () => {
    answerWith({ ndjson: [...PROGRESS, { result: PULLED }] });
    const ended = await tare('pull', '--platform', 'linux/amd64', 'debian:12');
    assert.deepEqual(ended.stdout.split('\n'), [
      'bbbbbbbbbbbb: Downloading 20B',
      'bbbbbbbbbbbb: Pull complete',
      `Digest: sha256:${'d'.repeat(64)}`,
      'Status: Downloaded newer image for debian:12',
      'docker.io/library/debian:12',
      '',
    ]);
    assert.deepEqual(daemon.calls[0]?.body, { reference: 'debian:12', platform: 'linux/amd64' });
    assert.equal(headerOf(daemon.calls[0], 'accept'), 'application/x-ndjson');
    assert.equal((await tare('image', 'pull', '-q', 'debian:12')).stdout, 'docker.io/library/debian:12\n');
  });

  it('pull sends the credentials of the registry, and tells of those that cannot be had', async () => {
    answerWith({ ndjson: [{ result: { ...PULLED, upToDate: true } }] });
    writeFileSync(config(), JSON.stringify({ auths: { 'ghcr.io': { auth: 'bWU6c2VjcmV0' } } }));
    assert.match((await tare('pull', 'ghcr.io/you/app')).stdout, /Image is up to date for ghcr[.]io\/you\/app:latest/);
    const sent = String(daemon.calls[0]?.headers?.['x-registry-auth']);
    assert.deepEqual(JSON.parse(Buffer.from(sent, 'base64url').toString()), { username: 'me', password: 'secret' });
    await tare('pull', '-q', 'debian');
    assert.equal(daemon.calls[1]?.headers?.['x-registry-auth'], undefined);
    writeFileSync(config(), '{"credsStore": "of-no-one"}');
    const ended = await tare('pull', '-q', 'debian');
    assert.match(ended.stderr, /warning: .*docker-credential-of-no-one.*; going on without credentials/);
    assert.equal(ended.code, 0);
  });

  it('a pull that fails half-way says why, and what can be done', async () => {
    const refused = problem('registry_unauthorized', 'ghcr.io: credentials are needed', 401);
    answerWith({ ndjson: [...PROGRESS, { problem: refused }] });
    const ended = await tare('pull', 'ghcr.io/you/app');
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^tare: ghcr.io: credentials are needed\nhint: log in with "tare login ghcr.io"\n$/);
    answerWith({ ndjson: PROGRESS });
    assert.match((await tare('pull', 'debian')).stderr, /lost the connection to the daemon/);
  });

  it('run pulls what is not here, and runs it', async () => {
    let pulled = false;
    daemon.answer = ({ method, url }) => {
      if (url === '/v1/images/pull') {
        pulled = true;
        return { status: 200, body: { ndjson: [...PROGRESS, { result: PULLED }] } };
      }
      return method === 'POST' && url === '/v1/containers' && !pulled ? { status: 404, body: absent } : undefined;
    };
    const ended = await tare('run', 'debian:12', 'exit', '7');
    assert.equal(ended.code, 7);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, /^image "debian:12" is not here: pulling it\nb{12}: Downloading/);
    const created = daemon.calls.filter(({ url, method }) => method === 'POST' && url === '/v1/containers');
    assert.deepEqual(
      created.map(({ body }) => body),
      Array(2).fill({ image: 'debian:12', command: ['exit', '7'] }),
    );
  });

  it('run pulls as --pull says, each image once', async () => {
    daemon.answer = ({ url }) =>
      url === '/v1/images/pull'
        ? { status: 200, body: { ndjson: [{ result: PULLED }] } }
        : url === '/v1/containers'
          ? { status: 404, body: absent }
          : undefined;
    const pulls = (): number => daemon.calls.filter(({ url }) => url === '/v1/images/pull').length;
    assert.equal((await tare('run', '--pull', 'never', 'debian:12')).code, 125);
    assert.equal(pulls(), 0);
    const ended = await tare('create', '-q', 'debian:12');
    assert.equal(ended.code, 125);
    assert.equal(ended.stderr, 'tare: image "debian:12" is not here\n');
    assert.equal(pulls(), 1);
    assert.equal((await tare('run', ID.slice(7))).code, 125);
    assert.equal(pulls(), 1);
    assert.match((await tare('run', '--pull', 'often', 'x')).stderr, /--pull "often" is not supported/);
  });

  it('run pulls an image that is to be mounted', async () => {
    const asked: unknown[] = [];
    daemon.answer = ({ url, body }) => {
      if (url === '/v1/images/pull') {
        asked.push((body as { reference: string }).reference);
        return { status: 200, body: { ndjson: [{ result: PULLED }] } };
      }
      if (url !== '/v1/containers' || asked.length > 0) return undefined;
      return { status: 404, body: { ...absent, field: 'mounts[1].source' } };
    };
    const words = ['-v', '/a', '--mount', 'type=image,source=tools,target=/t', '--rootfs', '/', 'exit', '0'];
    assert.equal((await tare('run', '-q', ...words)).code, 0);
    assert.deepEqual(asked, ['tools']);
  });

  it('images shows a row a name', async () => {
    answerWith([DEBIAN, { ...DEBIAN, id: `sha256:${'e'.repeat(64)}`, names: [], digests: [], createdAt: undefined }]);
    const [head = '', ...rows] = (await tare('images')).stdout.trimEnd().split('\n');
    assert.match(head, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
    assert.match(rows[0] ?? '', /^debian +12 +a{12} +.* ago +117MB$/);
    assert.match(rows[1] ?? '', /^localhost:5000\/deb +12 +a{12} /);
    assert.match(rows[2] ?? '', /^<none> +<none> +e{12} +N\/A /);
    assert.equal((await tare('images', '-q')).stdout, `${'a'.repeat(12)}\n${'e'.repeat(12)}\n`);
    const words = ['--format', '{{.Repository}}:{{.Tag}} {{.Digest}}', 'debian'];
    assert.equal((await tare('images', ...words)).stdout, `debian:12 sha256:${'d'.repeat(64)}\n`);
    daemon.calls.length = 0;
    await tare('images', '-f', 'dangling=true', '-f', 'label=a=b', '-f', 'before=debian', 'x*');
    assert.deepEqual(queryOf(daemon.calls[0]), { reference: 'x*', label: 'a=b', dangling: 'true', before: 'debian' });
    assert.match((await tare('images', '-f', 'nope=1')).stderr, /"nope" is not supported\nhint: there are reference/);
  });

  it('rmi, tag, history, push', async () => {
    answerWith({ untagged: ['debian:12'], deleted: [ID] });
    assert.equal((await tare('rmi', '-f', 'ghcr.io/you/app:1')).stdout, `Untagged: debian:12\nDeleted: ${ID}\n`);
    assert.equal(daemon.calls[0]?.url, '/v1/images/ghcr.io%2Fyou%2Fapp%3A1?force=true');
    answerWith([
      { id: ID, createdBy: 'RUN  x\ty', size: 5_000_000, comment: '', names: [], createdAt: '2026-01-01T00:00:00Z' },
    ]);
    assert.match((await tare('history', 'debian')).stdout, /\na{12} {3}.* ago {3}.*RUN x y +5MB\n$/);
    answerWith({ ndjson: [{ result: { pushed: [{ name: 'you/app:1', digest: ID, size: 7 }] } }] });
    assert.equal((await tare('push', 'you/app:1', 'ghcr.io/you/app')).stdout, `you/app:1: digest: ${ID} size: 7\n`);
    assert.deepEqual(daemon.calls.at(-1)?.body, { destination: 'ghcr.io/you/app' });
  });

  it('save writes a file that is whole or not there', async () => {
    const archive = Buffer.alloc(300_000, 'x');
    daemon.answer = () => ({ status: 200, bytes: archive, headers: { 'content-type': 'application/x-tar' } });
    const path = join(folder, 'out.tar');
    assert.equal((await tare('save', '-o', path, '--format', 'oci-archive', 'a', 'b')).code, 0);
    assert.deepEqual(daemon.calls[0]?.body, { images: ['a', 'b'], format: 'oci-archive' });
    assert.equal(readFileSync(path).equals(archive), true);
    assert.equal((await tare('export', 'web')).stdout, archive.toString());
    rmSync(path);
    daemon.answer = () => ({ status: 404, body: absent });
    assert.equal((await tare('save', '-o', path, 'a')).code, 1);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('load and import send what they are given', async () => {
    const archive = Buffer.alloc(3_000_000, 'y');
    writeFileSync(join(folder, 'in.tar'), archive);
    answerWith({ ndjson: [{ result: { images: PULLED.images } }] });
    assert.equal((await tare('load', '-i', join(folder, 'in.tar'))).stdout, 'Loaded image: debian:12\n');
    assert.equal(daemon.calls[0]?.bytes?.equals(archive), true);
    assert.equal(headerOf(daemon.calls[0], 'transfer-encoding'), 'chunked');
    answerWith({ ndjson: [{ result: PULLED.images[0] }] });
    const ended = await withInput(archive, 'import', '-c', 'CMD sh', '-m', 'why', '-', 'you/app');
    assert.equal(ended.stdout, `${ID}\n`);
    assert.equal(daemon.calls[1]?.bytes?.equals(archive), true);
    assert.deepEqual(queryOf(daemon.calls[1]), { name: 'you/app', message: 'why', change: 'CMD sh' });
    assert.match((await tare('load', '-i', '/nonexistent')).stderr, /cannot open \/nonexistent/);
    rmSync(join(folder, 'in.tar'));
  });

  it('commit and diff', async () => {
    answerWith(PULLED.images[0]);
    await tare('commit', '-a', 'me', '-c', 'CMD a', '--no-pause', 'web', 'you/app');
    assert.deepEqual(daemon.calls[0]?.body, { name: 'you/app', author: 'me', pause: false, changes: ['CMD a'] });
    answerWith([
      { path: '/etc', kind: 'modified' },
      { path: '/new', kind: 'added' },
      { path: '/old', kind: 'deleted' },
    ]);
    assert.equal((await tare('diff', 'web')).stdout, 'C /etc\nA /new\nD /old\n');
  });

  it('cp copies out of a container and into it', async () => {
    const stat = (fields: object): string => Buffer.from(JSON.stringify(fields)).toString('base64url');
    const archive = tar(directory('etc'), { name: 'etc/a', data: 'A' });
    daemon.answer = ({ method, url }) => {
      if (method === 'GET')
        return { status: 200, bytes: archive, headers: { 'x-tare-path-stat': stat({ kind: 'directory' }) } };
      if (method === 'PUT') return { status: 204 };
      const there = url.endsWith('path=%2Fsrv');
      if (method === 'HEAD' && url.endsWith('path=%2Flink'))
        return {
          status: 200,
          bytes: Buffer.alloc(0),
          headers: { 'x-tare-path-stat': stat({ kind: 'link', linkTarget: 'srv' }) },
        };
      return {
        status: there ? 200 : 404,
        bytes: Buffer.alloc(0),
        headers: { 'x-tare-path-stat': stat({ kind: 'directory' }) },
      };
    };
    const out = await tare('cp', '-L', 'web:/etc', join(folder, 'copy'));
    assert.equal(out.stderr, `Copied 1B from web:/etc to ${join(folder, 'copy')}\n`);
    assert.equal(readFileSync(join(folder, 'copy/a'), 'utf8'), 'A');
    assert.deepEqual(queryOf(daemon.calls[0]), { path: '/etc', follow: 'true' });
    assert.equal((await tare('cp', 'web:/etc', '-')).stdout, archive.toString());
    daemon.calls.length = 0;
    assert.equal((await tare('cp', '-q', '-a', join(folder, 'copy'), 'web:/link')).stderr, '');
    const put = daemon.called('PUT', /archive/);
    assert.deepEqual(queryOf(put), { path: '/srv', keepOwners: 'true' });
    assert.match(String(put?.bytes?.toString('latin1', 0, 5)), /^copy\//);
    await withInput(archive, 'cp', '-', 'web:/srv');
    assert.equal(daemon.calls.at(-1)?.bytes?.equals(archive), true);
    assert.match((await tare('cp', 'a:/x', 'b:/y')).stderr, /not copied from one container to another/);
    assert.match((await tare('cp', 'a', 'b')).stderr, /neither of the two is in a container/);
    rmSync(join(folder, 'copy'), { recursive: true });
  });

  it('volumes', async () => {
    const volume = { name: 'data', anonymous: false, mountpoint: '/x', labels: {}, createdAt: 'now', containers: [] };
    answerWith(volume);
    assert.equal((await tare('volume', 'create', '--label', 'a=b', 'data')).stdout, 'data\n');
    assert.deepEqual(daemon.calls[0]?.body, { name: 'data', labels: { a: 'b' } });
    await tare('volume', 'create', '-o', 'type=none', '--opt=o=bind,ro', '-o', 'device=/srv/a=b', 'data');
    assert.deepEqual(daemon.calls.at(-1)?.body, { name: 'data', device: '/srv/a=b', recursive: false, readonly: true });
    const nfs = await tare('volume', 'create', '-o', 'type=nfs', '-o', 'o=addr=10.0.0.1', '-o', 'device=:/export');
    assert.match(nfs.stderr, /--opt: type "nfs": tare mounts no file systems on the host[^]*o=bind/);
    assert.match((await tare('volume', 'create', '-o', 'wrong')).stderr, /--opt: invalid option: "wrong"/);
    answerWith([volume]);
    assert.equal((await tare('volume', 'ls', '-q')).stdout, 'data\n');
    daemon.answer = () => ({ status: 204 });
    assert.equal((await tare('volume', 'rm', '-f', 'data')).stdout, 'data\n');
    assert.equal(daemon.calls.at(-1)?.url, '/v1/volumes/data?force=true');
    await tare('rm', '-v', 'web');
    assert.equal(daemon.calls.at(-1)?.url, '/v1/containers/web?volumes=true');
    answerWith({ removed: ['data'], reclaimed: 2500 });
    assert.equal(
      (await tare('volume', 'prune', '-af')).stdout,
      'Deleted Volumes:\ndata\n\nTotal reclaimed space: 2.5kB\n',
    );
  });

  it('prune asks first, and takes filters', async () => {
    answerWith({
      untagged: [],
      deleted: [ID],
      reclaimed: 0,
      removed: [],
      containers: ['c'],
      networks: [],
      volumes: [],
    });
    const asked = await withInput('n\n', 'image', 'prune');
    assert.equal(asked.code, 1);
    assert.equal(daemon.calls.length, 0);
    await tare('image', 'prune', '-f', '--filter', 'label!=keep', '--filter', 'until=2026-01-01T00:00:00Z', '-a');
    assert.deepEqual(daemon.calls[0]?.body, { until: '2026-01-01T00:00:00Z', label: ['!keep'], all: true });
    assert.match(
      (await withInput('yes\n', 'system', 'prune', '--volumes')).stdout,
      /Deleted Containers:\nc\n\nDeleted Images:/,
    );
    assert.deepEqual(daemon.calls[1]?.body, { volumes: true });
    await tare('container', 'prune', '-f', '--filter', 'label=a');
    assert.deepEqual(daemon.calls[2]?.body, { label: ['a'] });
  });

  it('system check ends with 1 where something is not sound', async () => {
    const finding = { kind: 'blob_damaged', what: ID, detail: '', repaired: false, images: ['debian:12'] };
    answerWith({ sound: false, findings: [finding] });
    const ended = await tare('system', 'check');
    assert.equal(ended.stdout, `found: blob_damaged ${ID} (of debian:12)\nThe store is not sound.\n`);
    assert.equal(ended.code, 1);
    answerWith({ sound: true, findings: [{ ...finding, repaired: true }] });
    assert.equal((await tare('system', 'check', '--repair')).code, 0);
    assert.deepEqual(daemon.calls.at(-1)?.body, { repair: true });
  });

  it('inspect finds containers, then images, networks and volumes', async () => {
    daemon.answer = ({ url }) =>
      url.startsWith('/v1/images/')
        ? { status: 200, body: { id: ID } }
        : { status: 404, body: problem('x_not_found', 'no', 404) };
    assert.equal((await tare('inspect', '-f', '{{.id}}', 'debian')).stdout, `${ID}\n`);
    assert.deepEqual(
      daemon.calls.map(({ url }) => url),
      ['/v1/containers/debian', '/v1/images/debian'],
    );
    assert.match((await tare('inspect', '--type', 'volume', 'debian')).stderr, /^tare: no\n$/);
    assert.match((await tare('inspect', '--type', 'pod', 'debian')).stderr, /--type "pod" is not supported/);
  });
});
