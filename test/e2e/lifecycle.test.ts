/** Each verb on a real container, over the API. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon, run } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

interface Detail {
  id: string;
  name: string;
  status: string;
  pid?: number;
  exit?: { unknown: boolean; code?: number; signal?: string; oomKilled: boolean };
}

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const inspect = (ref: string) => daemon.client.must<Detail>('GET', `/v1/containers/${ref}`);
const post = (path: string, body?: unknown) => daemon.client.send<{ code?: string }>('POST', `/v1${path}`, body);

function linesOf<T>(body: string): T[] {
  const lines = body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as T);
}

test('create, start, wait, delete', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'], { name: 'first' });
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal((await inspect('first')).status, 'created');
  assert.equal((await post('/containers/first/start')).status, 204);
  const exit = await daemon.client.must<Detail['exit']>('GET', '/v1/containers/first/wait');
  assert.equal(exit?.code, 3);
  assert.equal(await daemon.logText('first', 'stdout'), 'out\n');
  assert.equal(await daemon.logText('first', 'stderr'), 'err\n');
  assert.equal((await inspect(id.slice(0, 12))).status, 'stopped');
  assert.equal((await daemon.client.send('DELETE', '/v1/containers/first')).status, 204);
  assert.equal((await daemon.client.send('GET', '/v1/containers/first')).status, 404);
});

test('every exit code and the signals arrive as they are', async () => {
  for (const code of [0, 1, 2, 42, 125, 126, 127, 128, 200, 255]) {
    const { exit } = await daemon.runToEnd(['/bin/sh', '-c', `exit ${code}`]);
    assert.equal(exit.code, code);
    assert.equal(exit.signal, undefined);
  }
  // A shell as pid 1 cannot be ended by a signal it sends itself, so its end comes from outside.
  const id = await daemon.create(['sleep', '1000']);
  await post(`/containers/${id}/start`);
  await post(`/containers/${id}/kill`, { signal: 'KILL' });
  const exit = await daemon.client.must<Detail['exit']>('GET', `/v1/containers/${id}/wait`);
  assert.deepEqual([exit?.code, exit?.signal, exit?.oomKilled], [137, 'SIGKILL', false]);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('stop asks first, then insists; restart and a second start give a new pid', async () => {
  const polite = await daemon.create(['/bin/sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.05; done']);
  await post(`/containers/${polite}/start`);
  // The trap is set once the loop's first child is there.
  const pid = await daemon.hostPid(polite);
  await until('the loop runs', async () => {
    const { processes } = await daemon.client.must<{ processes: unknown[] }>('GET', `/v1/containers/${polite}/top`);
    return processes.length > 1;
  });
  assert.equal((await post(`/containers/${polite}/stop`, { timeout: 60 })).status, 204);
  assert.equal((await inspect(polite)).exit?.code, 5);
  assert.equal((await post(`/containers/${polite}/stop`)).status, 204, 'stop of a stopped one is no error');
  await post(`/containers/${polite}/start`);
  assert.notEqual(await daemon.hostPid(polite), pid);
  assert.equal((await post(`/containers/${polite}/restart`, { timeout: 0 })).status, 204);
  assert.equal((await inspect(polite)).status, 'running');

  const deaf = await daemon.create(['sleep', '1000']);
  await post(`/containers/${deaf}/start`);
  assert.equal((await post(`/containers/${deaf}/stop`, { timeout: 1 })).status, 204);
  assert.equal((await inspect(deaf)).exit?.code, 137);
  await daemon.client.must('DELETE', `/v1/containers/${deaf}`);
  await daemon.client.must('DELETE', `/v1/containers/${polite}?force=true`);
});

test('pause freezes, resume thaws, a paused one can be killed', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done']);
  await post(`/containers/${id}/start`);
  await until('it prints', async () => (await daemon.logText(id, 'stdout')) !== '');
  assert.equal((await post(`/containers/${id}/pause`)).status, 204);
  assert.equal((await inspect(id)).status, 'paused');
  assert.equal((await post(`/containers/${id}/pause`)).status, 409);
  const frozen = await daemon.logText(id, 'stdout');
  assert.equal(await daemon.logText(id, 'stdout'), frozen);
  assert.equal((await post(`/containers/${id}/resume`)).status, 204);
  await until('it goes on', async () => (await daemon.logText(id, 'stdout')).length > frozen.length);
  await post(`/containers/${id}/pause`);
  assert.equal((await post(`/containers/${id}/kill`)).status, 204);
  assert.equal((await daemon.client.must<Detail['exit']>('GET', `/v1/containers/${id}/wait`))?.code, 137);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('rename, list with filters, top', async () => {
  const id = await daemon.create(['sleep', '1000'], { name: 'before', labels: { role: 'web', tier: '1' } });
  await post(`/containers/${id}/start`);
  assert.equal((await post(`/containers/${id}/rename`, { name: 'after' })).status, 204);
  const names = async (query: string) =>
    (await daemon.client.must<Detail[]>('GET', `/v1/containers${query}`)).map(({ name }) => name);
  assert.deepEqual(await names(''), ['after']);
  assert.deepEqual(await names('?label=role=web'), ['after']);
  assert.deepEqual(await names('?label=role=db'), []);
  assert.deepEqual(await names('?name=aft'), ['after']);
  assert.deepEqual(await names('?status=paused'), []);
  const top = await daemon.client.must<{ titles: string[]; processes: string[][] }>('GET', '/v1/containers/after/top');
  assert.equal(top.processes.length, 1);
  assert.match(top.processes[0]!.join(' '), /sleep 1000/);
  await daemon.client.must('DELETE', '/v1/containers/after?force=true');
});

test('autoRemove takes it away after its end, and wait=removed tells how it ended', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'exit 9'], { autoRemove: true });
  const removed = daemon.client.must<Detail['exit']>('GET', `/v1/containers/${id}/wait?condition=removed`);
  await post(`/containers/${id}/start`);
  assert.equal((await removed)?.code, 9);
  assert.equal((await daemon.client.send('GET', `/v1/containers/${id}`)).status, 404);
});

test('what is written stays in the container and comes back with the next start; the root is as it was', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'cat /kept 2>/dev/null; echo again >> /kept']);
  for (let i = 0; i < 2; i++) {
    await post(`/containers/${id}/start`);
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  }
  assert.equal(await daemon.logText(id, 'stdout'), 'again\n');
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  const { stdout } = await daemon.runToEnd(['ls', '/']);
  assert.doesNotMatch(stdout, /kept/);
});

test('root modes: ro refuses to write, rw writes to the directory itself', async () => {
  const ro = await daemon.runToEnd(['touch', '/written'], { rootfsMode: 'ro' });
  assert.notEqual(ro.exit.code, 0);
  assert.match(ro.stderr, /Read-only file system/);
  await daemon.runToEnd(['touch', '/tmp/written'], { rootfsMode: 'rw' });
  const { stdout } = await daemon.runToEnd(['ls', '/tmp']);
  assert.match(stdout, /written/);
  await daemon.runToEnd(['rm', '/tmp/written'], { rootfsMode: 'rw' });
});

test('what is asked for is what it gets: env, workdir, user, hostname, mounts, ulimits, umask', async () => {
  const { stdout } = await daemon.runToEnd(
    [
      '/bin/sh',
      '-c',
      'echo "$COLOUR $HOME"; pwd; id; hostname; umask; ulimit -n; grep " /data " /proc/mounts; grep " /scratch " /proc/mounts',
    ],
    {
      env: ['COLOUR=blue'],
      workdir: '/home/alice',
      user: 'alice',
      groups: ['wheel'],
      hostname: 'harbour',
      umask: '027',
      ulimits: [{ name: 'nofile', soft: 256, hard: 512 }],
      mounts: [
        { type: 'bind', source: daemon.rootfs, target: '/data', readonly: true },
        { type: 'tmpfs', target: '/scratch', size: '1MiB', mode: '0700' },
      ],
    },
  );
  const lines = stdout.split('\n');
  assert.equal(lines[0], 'blue /home/alice');
  assert.equal(lines[1], '/home/alice');
  assert.match(lines[2]!, /^uid=1000(\(alice\))? gid=1000(\(alice\))? groups=.*\b10\b/);
  assert.equal(lines[3], 'harbour');
  assert.match(lines[4]!, /^0?027$/);
  assert.equal(lines[5], '256');
  assert.match(lines[6]!, /\bro\b/);
  assert.match(lines[7]!, /size=1024k/);
});

test('a partial OCI config is merged last, and int64 beyond 2^53 survives', async () => {
  const id = await daemon.create(['/bin/true'], {
    oci: { annotations: { note: 'x' }, linux: { resources: { memory: { limit: 67108864 } } } },
  });
  const { spec } = await daemon.client.must<{
    spec: { annotations: Record<string, string>; linux: { resources: { memory: { limit: number } } } };
  }>('GET', `/v1/containers/${id}`);
  assert.equal(spec.annotations.note, 'x');
  assert.equal(spec.linux.resources.memory.limit, 67108864);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  const big = await daemon.client.send<string>(
    'POST',
    '/v1/containers',
    `{"rootfs":${JSON.stringify(daemon.rootfs)},"command":["/bin/true"],"oci":{"linux":{"resources":{"memory":{"limit":9223372036854771712}}}}}`,
  );
  assert.equal(big.status, 201, JSON.stringify(big.body));
  const { id: bigId } = big.body as unknown as { id: string };
  const response = await daemon.client.open('GET', `/v1/containers/${bigId}`);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  assert.match(text, /9223372036854771712/);
  await daemon.client.must('DELETE', `/v1/containers/${bigId}`);
});

test('an OCI bundle runs as it is', async () => {
  const bundle = `${daemon.folder}/bundle`;
  await mkdir(bundle);
  await writeFile(
    `${bundle}/config.json`,
    JSON.stringify({
      ociVersion: '1.2.0',
      root: { path: daemon.rootfs, readonly: true },
      process: {
        cwd: '/',
        args: ['/bin/sh', '-c', 'echo bundle $0 $WORD; exit 4', 'x'],
        env: ['PATH=/bin', 'WORD=here'],
      },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/tmp', type: 'bind', source: '/tmp', options: ['ro', 'mode=755'] },
      ],
      linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'network' }] },
      somebodys: 'own property',
    }),
  );
  const created = await daemon.client.must<{ id: string; warnings: string[] }>('POST', '/v1/containers', { bundle });
  const { id, warnings } = created;
  assert.deepEqual(warnings, ['config.json: mounts[1].options: mode=755: of a file system, without effect on a bind']);
  await post(`/containers/${id}/start`);
  assert.equal((await daemon.client.must<Detail['exit']>('GET', `/v1/containers/${id}/wait`))?.code, 4);
  assert.equal(await daemon.logText(id, 'stdout'), 'bundle x here\n');
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  await rm(bundle, { recursive: true });
});

test('user and time namespaces: mapped ids, shifted clock', async () => {
  const { stdout } = await daemon.runToEnd(
    ['/bin/sh', '-c', 'cat /proc/self/uid_map; id -u; cat /proc/uptime; echo made > /tmp/x && ls -n /tmp/x'],
    {
      oci: {
        linux: {
          namespaces: ['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup', 'user', 'time'].map((type) => ({ type })),
          uidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
          gidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
          timeOffsets: { boottime: { secs: 1_000_000_000 } },
        },
      },
    },
  );
  const lines = stdout.split('\n');
  assert.match(lines[0]!, /^\s*0\s+0\s+65536$/);
  assert.equal(lines[1], '0');
  assert.ok(Number(lines[2]!.split(' ')[0]) > 1_000_000_000);
});

test('exec: its own process, user, environment, exit code; refused where nothing runs', async () => {
  const id = await daemon.create(['sleep', '1000']);
  assert.equal((await post(`/containers/${id}/execs`, { command: ['id'] })).status, 409);
  await post(`/containers/${id}/start`);
  const made = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
    command: ['/bin/sh', '-c', 'id -u; exit 6'],
    user: '1000',
  });
  assert.equal((await post(`/execs/${made.id}/start`)).status, 204);
  const detail = await until('the exec ends', async () => {
    const found = await daemon.client.must<{ status: string; exit?: { code?: number } }>('GET', `/v1/execs/${made.id}`);
    return found.status === 'exited' && found;
  });
  assert.equal(detail.exit?.code, 6);
  assert.equal((await post(`/execs/${made.id}/start`)).status, 409);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  assert.equal((await daemon.client.send('GET', `/v1/execs/${made.id}`)).status, 404);
});

test('events are told in order, kept ones first', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'exit 7'], { name: 'told' });
  await post(`/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  // Date.now() leaves out the part of the millisecond that has passed.
  const now = ((Date.now() + 1) / 1000).toFixed(3);
  const body = await daemon.client.must<string>('GET', `/v1/events?since=0&until=${now}&container=${id}`);
  const events = linesOf<{ action: string; sequence: number; exitCode?: number }>(body);
  assert.deepEqual(
    events.map(({ action }) => action),
    ['create', 'start', 'die', 'destroy'],
  );
  assert.equal(events.find(({ action }) => action === 'die')?.exitCode, 7);
  for (let i = 1; i < events.length; i++) assert.ok(events[i]!.sequence > events[i - 1]!.sequence);
});

test('what ends it is told of before its end, and its execs end before it', async () => {
  const actions = async (id: string): Promise<string[]> => {
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
    const now = ((Date.now() + 1) / 1000).toFixed(3);
    const body = await daemon.client.must<string>('GET', `/v1/events?since=0&until=${now}&container=${id}`);
    await daemon.client.must('DELETE', `/v1/containers/${id}`);
    return linesOf<{ action: string }>(body).map(({ action }) => action);
  };
  const byExec = async (): Promise<void> => {
    const id = await daemon.create(['/bin/sh', '-c', 'until [ -e /go ]; do :; done']);
    await post(`/containers/${id}/start`);
    const exec = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
      command: ['touch', '/go'],
    });
    await post(`/execs/${exec.id}/start`);
    assert.deepEqual(await actions(id), ['create', 'start', 'exec_create', 'exec_start', 'exec_die', 'die']);
  };
  const bySignal = async (verb: string, body: unknown): Promise<void> => {
    const id = await daemon.create(['sleep', '1000']);
    await post(`/containers/${id}/start`);
    await post(`/containers/${id}/${verb}`, body);
    const told = (await actions(id)).filter((action) => action !== 'stop');
    assert.deepEqual(told, ['create', 'start', 'kill', 'die']);
  };
  for (let round = 0; round < 5; round++) {
    await Promise.all([byExec(), byExec(), bySignal('kill', {}), bySignal('stop', { signal: 'KILL' })]);
  }
});

test('two daemons side by side do not touch each other', async () => {
  const other = await TestDaemon.open();
  try {
    const here = await daemon.create(['sleep', '1000'], { name: 'same' });
    const there = await other.create(['sleep', '1000'], { name: 'same' });
    await daemon.client.must('POST', `/v1/containers/${here}/start`);
    await other.client.must('POST', `/v1/containers/${there}/start`);
    await other.end('SIGKILL');
    await other.start();
    await other.client.must('DELETE', `/v1/containers/${there}?force=true`);
    assert.equal((await inspect(here)).status, 'running');
    await daemon.client.must('DELETE', `/v1/containers/${here}?force=true`);
  } finally {
    await other.close();
  }
});

test('a second daemon on the same root is refused by name', async () => {
  const second = await run(join(import.meta.dirname, '../../bin/tared'), [
    '--root',
    daemon.root,
    '--run',
    join(daemon.folder, 'run2'),
  ]);
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, /another daemon|in use|locked/);
});
