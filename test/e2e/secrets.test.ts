/** Secrets: files that the container alone sees; in no layer, archive, difference, answer or log. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { attempt } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const WORD = 'Aq9-needle-in-the-haystack';
const data = Buffer.from(`${WORD}\n`).toString('base64');
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

test('with owner and mode, read-only, on a tmpfs; a source is read anew at each start', async () => {
  const source = join(daemon.folder, 'key');
  writeFileSync(`${source}-1`, 'first');
  symlinkSync('key-1', source);
  const script =
    'cd /run/secrets; stat -c "%n %u:%g %a" by/name plain /etc/tls/key; cat by/name /etc/tls/key; ls -A /etc/tls; echo x > plain; rm plain; echo x > /etc/tls/key';
  const id = await daemon.create(['sh', '-c', script], {
    secrets: [
      { target: 'by/name', data, uid: 12, gid: 34, mode: '0440' },
      { target: 'plain', data: '' },
      { target: '/etc/tls/key', source, mode: '400' },
    ],
  });
  const ran = async (): Promise<string> => {
    await daemon.client.must('POST', `/v1/containers/${id}/start`);
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
    return daemon.logText(id, 'stdout');
  };
  const expected = (content: string): string =>
    `by/name 12:34 440\nplain 0:0 444\n/etc/tls/key 0:0 400\n${WORD}\n${content}key\n`;
  assert.equal(await ran(), expected('first'));
  assert.equal((await daemon.logText(id, 'stderr')).match(/Read-only file system/g)?.length, 3);
  writeFileSync(`${source}-1`, 'second');
  assert.equal(await ran(), expected('first') + expected('second'));
  rmSync(source);
  const gone = await daemon.client.send<{ code: string; field: string }>('POST', `/v1/containers/${id}/start`);
  assert.deepEqual([gone.body.code, gone.body.field], ['invalid_field', 'secrets[2].source']);
  await remove(id);
});

test('in a user namespace they belong to whom they are said to belong', async () => {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const namespaces = ['pid', 'ipc', 'uts', 'mount', 'cgroup', 'network', 'user'].map((type) => ({ type }));
  const secrets = [
    { target: 'inside', data, uid: 7, mode: '400' },
    { target: '/apart', data, uid: 8, mode: '400' },
  ];
  const { stdout } = await daemon.runToEnd(['stat', '-c', '%u %s', '/run/secrets/inside', '/apart'], {
    secrets,
    oci: { linux: { namespaces, uidMappings: map, gidMappings: map } },
  });
  assert.equal(stdout, `7 ${WORD.length + 1}\n8 ${WORD.length + 1}\n`);
});

test('attack: nowhere but inside is there anything of it', async () => {
  const secrets = [
    { target: 'inside', data },
    { target: '/etc/apart', data },
  ];
  const id = await daemon.create(['sh', '-c', 'cat /run/secrets/inside > /dev/null; exec sleep 1000'], { secrets });
  const neighbour = await daemon.create(['sleep', '1000']);
  for (const each of [id, neighbour]) await daemon.client.must('POST', `/v1/containers/${each}/start`);
  // the host's mounts, and those of others
  for (const pid of ['self', String(daemon.pid), String(await daemon.hostPid(neighbour))]) {
    assert.doesNotMatch(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), /\/run\/secrets|\/etc\/apart/, pid);
  }
  const inside = await daemon.cli(['exec', id, 'sh', '-c', 'cat /run/secrets/inside /etc/apart']);
  assert.equal(inside.stdout, `${WORD}\n${WORD}\n`);
  // what is said of the container
  const detail = await daemon.client.send<string>('GET', `/v1/containers/${id}`);
  const shown = JSON.stringify(detail.body);
  assert.match(shown, /"\*\*\*"/);
  const changes = await daemon.client.must<{ path: string }[]>('GET', `/v1/containers/${id}/changes`);
  assert.deepEqual(
    changes.map(({ path }) => path).filter((path) => /inside|apart/.test(path)),
    [],
  );
  for (const state of ['running', 'stopped']) {
    const archive = await text((await daemon.client.open('GET', `/v1/containers/${id}/export`)).setEncoding('latin1'));
    assert.ok(archive.includes('bin/busybox') && !archive.includes(WORD), `export while ${state}`);
    await daemon.client.send('POST', `/v1/containers/${id}/kill`, { signal: 'KILL' });
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  }
  // of this second too: the stream ends when it is over
  const now = Math.ceil(Date.now() / 1000);
  const events = await text(await daemon.client.open('GET', `/v1/events?since=0&until=${now}`));
  assert.match(events, /create/);
  // files of the daemon other than the registry
  for (const [where, content] of [
    ['inspect', shown],
    ['log', daemon.output],
    ['events', events],
  ] as const) {
    assert.ok(!content.includes(WORD) && !content.includes(data.slice(0, 16)), where);
  }
  const hits = execFileSync('sh', [
    '-c',
    `grep -rlaF -e '${WORD}' -e '${data.slice(0, 16)}' "$1" || true`,
    'sh',
    daemon.folder,
  ])
    .toString()
    .split('\n')
    .filter((path) => path !== '' && !/\.(db|sqlite)(-wal|-shm)?$/.test(path));
  assert.deepEqual(hits, []);
  for (const each of [id, neighbour]) await remove(each);
});

test('what is no secret is refused, and what was given is not said', async () => {
  const fifo = join(daemon.folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const big = join(daemon.folder, 'big');
  writeFileSync(big, Buffer.alloc(500 * 1024 + 1));
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ target: 'x' }, 'secrets[0]'],
    [{ target: 'x', data, source: big }, 'secrets[0]'],
    [{ target: 'x', data: 'c2VjcmV0-' }, 'secrets[0].data'],
    [{ target: 'x', source: fifo }, 'secrets[0].source'],
    [{ target: 'x', source: daemon.folder }, 'secrets[0].source'],
    [{ target: 'x', source: `${fifo}-none` }, 'secrets[0].source'],
    [{ target: 'x', source: big }, 'secrets[0]'],
    [{ target: '../x', data }, 'secrets[0].target'],
    [{ target: '/proc/self/x', data }, 'secrets[0].target'],
    [{ target: '/', data }, 'secrets[0].target'],
    [{ target: 'x/', data }, 'secrets[0].target'],
  ];
  for (const [secret, field] of cases) {
    const { refused } = await attempt(daemon, ['true'], { secrets: [secret] });
    assert.deepEqual([refused?.code, refused?.field], ['invalid_field', field], JSON.stringify(secret));
    assert.ok(!JSON.stringify(refused).includes('c2VjcmV0'), 'the answer repeats it');
  }
  const { refused } = await attempt(daemon, ['true'], {
    secrets: [
      { target: 'x', data },
      { target: '/run/secrets/x', data },
    ],
  });
  assert.equal(refused?.field, 'secrets[1].target');
});

test('the command line: of a file, and of a variable', async () => {
  const source = join(daemon.folder, 'token');
  writeFileSync(source, 'of a file\n');
  const ran = await daemon.cli([
    ...['run', '--rm', '--rootfs', daemon.rootfs, '--secret', `src=${source},mode=0400`],
    ...[
      '--secret',
      'env=TARE_HOST,target=/host',
      'sh',
      '-c',
      'cat /run/secrets/token; stat -c %a /run/secrets/token; cat /host',
    ],
  ]);
  assert.equal(ran.stdout, `of a file\n400\nunix://${daemon.socket}`, ran.stderr);
});
