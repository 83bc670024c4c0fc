/** Containers whose process 1 is our small init: `init`, --init. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon, parentOf } from '../harness/daemon.ts';
import { addProbe } from '../harness/rootfs.ts';
import { Stream } from '../harness/stream.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  addProbe(daemon.rootfs);
});
after(() => daemon.close());

interface Exit {
  readonly code?: number;
  readonly signal?: string;
}

const post = <T>(path: string, body?: unknown): Promise<T> =>
  daemon.client.must<T>('POST', `/v1/containers/${path}`, body);
const waitFor = (id: string): Promise<Exit> => daemon.client.must<Exit>('GET', `/v1/containers/${id}/wait`);
const remove = (id: string): Promise<unknown> => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

async function running(script: string, request: Record<string, unknown> = {}): Promise<string> {
  const id = await daemon.create(['sh', '-c', script], { init: true, ...request });
  await post(`${id}/start`);
  return id;
}

function children(pid: number): number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** As root of its own, as somebody else, with nothing allowed, in a user namespace. */
const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const namespaces = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup', 'user'].map((type) => ({ type }));
const KINDS: Readonly<Record<string, Record<string, unknown>>> = {
  plain: {},
  'of another user': { user: '1000:1000' },
  'without rights': {
    user: '1000',
    capabilities: { drop: ['ALL'] },
    security: { noNewPrivileges: true, readonlyRootfs: true },
  },
  'in a user namespace': { oci: { linux: { namespaces, uidMappings: MAPPINGS, gidMappings: MAPPINGS } } },
  privileged: { security: { privileged: true } },
};

for (const [kind, request] of Object.entries(KINDS)) {
  test(`one that is ${kind}: process 1, the program, its exit code; exec, top, pause, stop`, async () => {
    const { exit, stdout } = await daemon.runToEnd(['sh', '-c', 'echo $$ $(cat /proc/1/comm); exit 42'], {
      init: true,
      ...request,
    });
    assert.deepEqual([exit.code, exit.signal, stdout], [42, undefined, '2 tare-init\n']);
    const id = await running('echo up; exec sleep 1000', request);
    const seen = await daemon.cli(['exec', id, 'cat', '/proc/1/cmdline']);
    assert.deepEqual([seen.code, seen.stdout], [0, 'tare-init\0'], seen.stderr);
    assert.match((await daemon.cli(['top', id])).stdout, /tare-init[\s\S]*sleep 1000/);
    await post(`${id}/pause`);
    await post(`${id}/resume`);
    await post(`${id}/stop`, { timeout: 60 });
    const ended = await waitFor(id);
    assert.deepEqual([ended.code, ended.signal], [143, undefined]);
    await remove(id);
  });
}

test('the command line: exit codes of the program and of a start that fails', async () => {
  const words = ['run', '--rm', '--init', '--rootfs', daemon.rootfs];
  assert.equal((await daemon.cli([...words, 'sh', '-c', 'kill -9 $$'])).code, 137);
  const missing = await daemon.cli([...words, 'no-such-program']);
  assert.equal(missing.code, 127);
  assert.match(missing.stderr, /exec "no-such-program": executable file not found/);
  assert.equal((await daemon.cli([...words, '/etc/passwd'])).code, 126);
});

test('fifty orphans are reaped', async () => {
  const id = await running('for i in $(seq 50); do (sh -c "exit $i" &); done; echo done; exec sleep 1000');
  const pid = await daemon.hostPid(id);
  await until('all were made', async () => (await daemon.logText(id, 'stdout')) === 'done\n');
  await until('the program is the only child', () => children(pid).length === 1);
  await remove(id);
});

test('a signal to the container reaches the program', async () => {
  const id = await running(
    'trap "echo USR1" USR1; trap "echo TERM; exit 5" TERM; echo up; while :; do sleep 0.05; done',
  );
  const said = (text: string) => until(text, async () => (await daemon.logText(id, 'stdout')) === text);
  await said('up\n');
  await post(`${id}/kill`, { signal: 'USR1' });
  await said('up\nUSR1\n');
  await post(`${id}/kill`, { signal: 'TERM' });
  assert.equal((await waitFor(id)).code, 5);
  assert.equal(await daemon.logText(id, 'stdout'), 'up\nUSR1\nTERM\n');
  await remove(id);
});

test('a terminal: the program has it, and its keys', async () => {
  const id = await daemon.create(['sh', '-c', 'trap "echo INT" INT; echo up; read a; read a; exit 6'], {
    init: true,
    tty: true,
    stdin: true,
  });
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdin=true&stdout=true`);
  await post(`${id}/start`);
  await stream.shows(/up/);
  stream.type('\x03');
  await stream.shows(/INT/);
  stream.type('x\ny\n');
  assert.equal(await stream.end(), 6);
  await remove(id);
});

test('it outlives the daemon, and is there again at the next start', async () => {
  const id = await running('echo up; exec sleep 1000');
  const pid = await daemon.hostPid(id);
  await daemon.end('SIGKILL');
  await daemon.start();
  assert.equal(await daemon.hostPid(id), pid);
  await post(`${id}/stop`, { timeout: 60 });
  assert.equal((await waitFor(id)).code, 143);
  await post(`${id}/start`);
  const again = await daemon.hostPid(id);
  await until('it is process 1', () => readFileSync(`/proc/${String(again)}/comm`, 'utf8') === 'tare-init\n');
  await remove(id);
});

test('process 1 is the shim’s binary, which nobody inside can rewrite or look into (CVE-2019-5736)', async () => {
  const hash = (pid: number): string =>
    createHash('sha256')
      .update(readFileSync(`/proc/${String(pid)}/exe`))
      .digest('hex');
  for (const [request, refused] of [
    [{}, /write-exe EACCES\n/],
    [{ capabilities: { add: ['SYS_PTRACE'] } }, /write-exe (ETXTBSY|EPERM)\n/],
    [{ security: { privileged: true } }, /write-exe (ETXTBSY|EPERM)\n/],
  ] as const) {
    const id = await running('exec sleep 1000', request);
    const pid = await daemon.hostPid(id);
    const shim = await parentOf(pid);
    const before = hash(shim);
    assert.equal(hash(pid), before);
    assert.match((await daemon.cli(['exec', id, 'probe', 'write-exe'])).stdout, refused);
    // a descriptor of it that is kept is no way either, once nothing of this container runs it any more
    const kept = 'exec 3</proc/1/exe && echo x > /proc/self/fd/3';
    assert.notEqual((await daemon.cli(['exec', id, 'sh', '-c', kept])).code, 0);
    assert.equal(hash(shim), before);
    await remove(id);
  }
  const id = await running('exec sleep 1000');
  const pid = await daemon.hostPid(id);
  assert.match((await daemon.cli(['exec', id, 'probe', 'ptrace', '1'])).stdout, /ptrace EPERM/);
  const look = 'for f in exe root cwd environ maps mem fd/0 ns/pid; do cat /proc/1/$f && echo $f; done';
  assert.equal((await daemon.cli(['exec', id, 'sh', '-c', look])).stdout, '');
  assert.deepEqual(
    readFileSync(`/proc/${String(pid)}/status`, 'utf8')
      .match(/^(Seccomp|NoNewPrivs|CapInh):.*$/gm)
      ?.map((line) => line.replace(/\s+/, ' ')),
    ['CapInh: 0000000000000000', 'NoNewPrivs: 0', 'Seccomp: 2'],
  );
  await remove(id);
});
