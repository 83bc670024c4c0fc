/** Bad input: a 4xx that names the field, nothing left behind, and the daemon answers the next request. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { run, TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

async function nothingLeft(): Promise<void> {
  assert.deepEqual(await daemon.client.must('GET', '/v1/containers?all=true'), []);
  // the few entries of one that was removed go right after the answer
  await until('no directory is left', async () => (await readdir(join(daemon.root, 'containers'))).length === 0);
}

/** Sends a create with these properties in place of, or beside, good ones. */
function create(properties: Record<string, unknown>) {
  return daemon.client.send<Problem>('POST', '/v1/containers', {
    rootfs: daemon.rootfs,
    command: ['/bin/true'],
    ...properties,
  });
}

const REFUSED: [string, Record<string, unknown>, string][] = [
  ['an unknown property', { colour: 'blue' }, 'colour'],
  ['an unknown property, deep', { limits: { memroy: 1 } }, 'limits.memroy'],
  ['a wrong type', { tty: 'yes' }, 'tty'],
  ['a wrong type in an array', { command: ['a', 5] }, 'command[1]'],
  ['memory -1', { limits: { memory: -1 } }, 'limits.memory'],
  ['memory 2^63', { limits: { memory: 2 ** 63 } }, 'limits.memory'],
  ['memory "12XB"', { limits: { memory: '12XB' } }, 'limits.memory'],
  ['memory too small to live in', { limits: { memory: 1 } }, 'limits.memory'],
  ['cpus 0', { limits: { cpus: 0 } }, 'limits.cpus'],
  ['an empty name', { name: '' }, 'name'],
  ['a name that climbs', { name: '../x' }, 'name'],
  ['a name of 10 kB', { name: 'x'.repeat(10_240) }, 'name'],
  ['a missing rootfs', { rootfs: '/does/not/exist' }, 'rootfs'],
  ['a rootfs that is a file', { rootfs: '/etc/passwd' }, 'rootfs'],
  ['an unknown capability', { capabilities: { add: ['CAP_FLY'] } }, 'capabilities.add[0]'],
  ['an unknown signal', { stopSignal: 'SIGNOPE' }, 'stopSignal'],
  ['an unknown user', { user: 'nobody-here' }, 'user'],
  ['a uid beyond 2^32', { user: '4294967296' }, 'user'],
  ['an unknown rlimit', { ulimits: [{ name: 'bananas', soft: 1, hard: 1 }] }, 'ulimits[0].name'],
  ['a soft limit above the hard one', { ulimits: [{ name: 'nofile', soft: 20, hard: 10 }] }, 'ulimits[0]'],
  ['a relative workdir', { workdir: 'here' }, 'workdir'],
  ['env without a name', { env: ['=x'] }, 'env[0]'],
  ['NUL in an argument', { command: ['a\0b'] }, 'command[0]'],
  ['no command', { command: [] }, 'command'],
  [
    'ports and a mode without a network',
    { network: { mode: 'none', publish: [{ containerPort: 80 }] } },
    'network.publish',
  ],
  ['a bind without a source', { mounts: [{ type: 'bind', target: '/x' }] }, 'mounts[0].source'],
  ['a sysctl of the host', { sysctls: { 'kernel.core_pattern': 'x' } }, 'sysctls'],
  ['a sysctl that smuggles another', { sysctls: { 'kernel.shm_rmid_forced': '1+kernel.core_pattern=|/x' } }, 'sysctls'],
  ['an unknown property of oci', { oci: { linux: { colour: 1 } } }, 'oci.linux.colour'],
  ['a hook by a relative path', { oci: { hooks: { prestart: [{ path: 'bin/true' }] } } }, 'oci.hooks.prestart[0].path'],
  ['a hook of no kind', { oci: { hooks: { prestop: [{ path: '/bin/true' }] } } }, 'oci.hooks.prestop'],
  [
    'a hook with no time at all',
    { oci: { hooks: { poststop: [{ path: '/bin/true', timeout: 0 }] } } },
    'oci.hooks.poststop[0].timeout',
  ],
];

for (const [name, properties, field] of REFUSED) {
  test(`create with ${name}`, async () => {
    const { status, body } = await create(properties);
    assert.ok(status >= 400 && status < 500, `${status} ${JSON.stringify(body)}`);
    assert.ok(body.field?.startsWith(field), `field ${body.field ?? '(none)'} of: ${body.detail}`);
    assert.match(body.code, /^[a-z_]+$/);
    await nothingLeft();
  });
}

test('memory "12XB" is answered in words, not with a pattern', async () => {
  const { body } = await create({ limits: { memory: '12XB' } });
  assert.match(body.detail, /12XB/);
  assert.doesNotMatch(body.detail, /[\^$]\[/);
});

test('__proto__ in the body', async () => {
  const { status } = await daemon.client.send(
    'POST',
    '/v1/containers',
    '{"rootfs":"/","command":["x"],"__proto__":{"a":1}}',
  );
  assert.equal(status, 400);
  await nothingLeft();
});

test('rootfs and bundle together, or neither', async () => {
  assert.equal((await create({ bundle: daemon.folder })).status, 400);
  assert.equal((await daemon.client.send('POST', '/v1/containers', { command: ['x'] })).status, 400);
  await nothingLeft();
});

test('bodies: over 4 MiB, truncated, not JSON, of depth 10,000, of another type', async () => {
  const send = (body: string, headers = {}) => daemon.client.send<Problem>('POST', '/v1/containers', body, headers);
  assert.equal((await send(JSON.stringify({ command: ['x'.repeat(5 * 1024 * 1024)] }))).status, 413);
  assert.equal((await send('{"rootfs":"/","comm')).status, 400);
  assert.equal((await send('not json')).status, 400);
  assert.equal((await send(`{"oci":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`)).status, 400);
  assert.equal((await send('{}', { 'content-type': 'text/plain' })).status, 415);
  await nothingLeft();
});

test('a body cut off by the end of the connection', async () => {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(daemon.socket, () => {
      socket.end(
        'POST /v1/containers HTTP/1.1\r\nhost: tare\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"rootfs"',
      );
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
    socket.resume();
  });
  await nothingLeft();
});

test('verbs in the wrong state are conflicts', async () => {
  const id = await daemon.create(['sleep', '1000'], { name: 'busy' });
  const send = async (method: string, path: string, body?: unknown) =>
    (await daemon.client.send(method, `/v1/containers/${path}`, body)).status;
  assert.equal((await create({ name: 'busy' })).status, 409);
  assert.equal(await send('POST', `${id}/kill`), 409);
  assert.equal(await send('POST', `${id}/execs`, { command: ['x'] }), 409);
  assert.equal(await send('POST', `${id}/pause`), 409);
  assert.equal(await send('POST', `${id}/start`), 204);
  assert.equal(await send('POST', `${id}/start`), 409);
  assert.equal(await send('DELETE', id), 409);
  assert.equal(await send('POST', `${id}/resume`), 409);
  assert.equal(await send('POST', `${id}/kill`, { signal: 'SIGNOPE' }), 400);
  assert.equal(await send('POST', `${id}/resize`, { rows: 1, columns: 1 }), 409);
  assert.equal(await send('DELETE', `${id}?force=true`), 204);
  await nothingLeft();
});

test('what is not there is 404, also where the reference is odd', async () => {
  for (const ref of ['nobody', 'x'.repeat(300), '..%2f..%2fetc', '%00', '%ff']) {
    const { status } = await daemon.client.send('GET', `/v1/containers/${ref}`);
    assert.ok(status === 404 || status === 400, `${ref}: ${status}`);
  }
  assert.equal((await daemon.client.send('GET', '/v1/nothing')).status, 404);
  assert.equal((await daemon.client.send('PUT', '/v1/containers')).status, 405);
  assert.equal((await daemon.client.send('GET', '/v1/containers?colour=blue')).status, 400);
});

test('a command that is not found, is not executable, or has no directory to run in', async () => {
  const failing = async (properties: Record<string, unknown>) => {
    const made = await create(properties);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { id } = made.body as unknown as { id: string };
    const started = await daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
    await daemon.client.must('DELETE', `/v1/containers/${id}`);
    return started;
  };
  const missing = await failing({ command: ['no-such-program'] });
  assert.equal(missing.body.code, 'command_not_found');
  assert.match(missing.body.detail, /no-such-program/);
  const forbidden = await failing({ command: ['/etc/passwd'] });
  assert.equal(forbidden.body.code, 'command_not_executable');
  const file = await failing({ command: ['/bin/true'], workdir: '/etc/passwd' });
  assert.ok(file.status >= 400);
  assert.match(file.body.detail, /\/etc\/passwd/);
  await nothingLeft();
});

test('the CLI says 127 and 126 as docker does, 125 for its own', async () => {
  const cli = (...args: string[]) => daemon.cli(['run', '--rm', '--rootfs', daemon.rootfs, ...args]);
  assert.equal((await cli('no-such-program')).code, 127);
  assert.equal((await cli('/etc/passwd')).code, 126);
  const unknown = await cli('--no-such-flag', '/bin/true');
  assert.equal(unknown.code, 125);
  assert.match(unknown.stderr, /no-such-flag/);
  assert.equal((await daemon.cli(['run', '--rm', '--rootfs', '/does/not/exist', 'x'])).code, 125);
  await nothingLeft();
});

test('a full disk: create or start says so, and nothing is left', async () => {
  // A daemon whose root is on a file system of 2 MiB, in a mount namespace of its own, so that no mount of ours is on the host.
  const folder = join(daemon.folder, 'full');
  await mkdir(folder);
  const script = `
    set -eu
    mount -t tmpfs -o size=2m tmpfs ${folder}
    mkdir ${folder}/run
    ${join(import.meta.dirname, '../../bin/tared')} --root ${folder}/root --run ${folder}/run --log-level error &
    daemon=$!
    i=0; until [ -S ${folder}/run/tare.sock ]; do i=$((i+1)); [ $i -lt 600 ]; sleep 0.05; done
    export TARE_HOST=unix://${folder}/run/tare.sock
    tare() { ${join(import.meta.dirname, '../../bin/tare')} "$@"; }
    tare create --name kept --rootfs ${daemon.rootfs} /bin/true >/dev/null
    head -c 4m /dev/zero > ${folder}/fill 2>/dev/null || true
    code=0; tare run --rm --name full --rootfs ${daemon.rootfs} sh -c 'head -c 1m /dev/zero > /x' 2>&1 || code=$?
    echo "code $code"
    echo "listed: $(tare ps -aq | wc -l)"
    rm ${folder}/fill
    tare run --rm --rootfs ${daemon.rootfs} echo works again
    tare rm kept >/dev/null
    kill $daemon; wait $daemon
  `;
  const { stdout, stderr, code } = await run('unshare', ['-m', 'sh', '-c', script]);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.doesNotMatch(stdout, /^code 0$/m);
  assert.match(stdout, /no space left|disk is full|ENOSPC/i);
  assert.match(stdout, /^listed: 1$/m);
  assert.match(stdout, /^works again$/m);
  await rm(folder, { recursive: true });
});

test('a run directory whose socket path is too long is refused at the start', async () => {
  const long = join(daemon.folder, 'r'.repeat(90));
  const { code, stderr } = await run(join(import.meta.dirname, '../../bin/tared'), [
    '--root',
    join(daemon.folder, 'long'),
    '--run',
    long,
  ]);
  assert.notEqual(code, 0);
  assert.match(stderr, /the kernel takes 107/);
  assert.match(stderr, /r{90}/);
});

test('after all that the daemon answers', async () => {
  assert.equal((await daemon.runToEnd(['/bin/true'])).exit.code, 0);
  // What CI would show if something had been logged as our own fault.
  assert.doesNotMatch(daemon.output, /"level":(50|60)/);
});
