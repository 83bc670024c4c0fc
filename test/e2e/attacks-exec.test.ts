/** Attacks on what joins a container, and on what a process is given: SECURITY.md, the rows named in each test. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addAttack, attempt, Canary, execute, hostileRoot, remove, startHostile } from '../harness/attacks.ts';
import { parentOf, TestDaemon } from '../harness/daemon.ts';
import { Stream } from '../harness/stream.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  addAttack(join(daemon.rootfs, 'bin/attack'));
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

/** `count` execs that end at once, four at a time. Those that the hunter holds up are not waited for. */
async function manyExecs(container: string, count: number, command: readonly string[]): Promise<void> {
  const lane = async () => {
    for (let i = 0; i < count / 4; i++) {
      const { id } = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${container}/execs`, { command });
      await daemon.client.send('POST', `/v1/execs/${id}/start`);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

const caught = (log: string): string[] => log.split('\n').filter((line) => line !== '' && line !== 'ready');

test('CVE-2016-9962, 2019-5736: pid 1 hunts six hundred joining execs', async () => {
  const id = await startHostile(daemon, ['attack', 'hunt']);
  const shim = await parentOf(await daemon.hostPid(id));
  const hash = () =>
    createHash('sha256')
      .update(readFileSync(`/proc/${shim}/exe`))
      .digest('hex');
  const unharmed = hash();
  await manyExecs(id, 600, ['/bin/true']);
  assert.deepEqual(caught(await daemon.logText(id, 'stdout')), []);
  assert.equal(hash(), unharmed);
  await remove(daemon, id);
});

test('CVE-2016-9962: pid 1 hunts sixty containers that start in its pid namespace', async () => {
  const id = await startHostile(daemon, ['attack', 'hunt']);
  // not root in the end: what root runs may be traced by root, when it runs
  const guest = await daemon.create(['/bin/true'], { pid: `container:${id}`, user: '1000:1000' });
  for (let start = 0; start < 60; start++) {
    await daemon.client.must('POST', `/v1/containers/${guest}/start`);
    await daemon.client.must('GET', `/v1/containers/${guest}/wait`);
  }
  assert.deepEqual(caught(await daemon.logText(id, 'stdout')), []);
  await remove(daemon, guest);
  await remove(daemon, id);
});

test('the hunter bites: with CAP_SYS_PTRACE over the host’s user namespace it catches what joins', async () => {
  const id = await startHostile(daemon, ['attack', 'hunt'], { capabilities: { add: ['SYS_PTRACE'] } });
  let lines: string[] = [];
  for (let round = 0; round < 40 && lines.length === 0; round++) {
    await manyExecs(id, 40, ['/bin/true']);
    lines = caught(await daemon.logText(id, 'stdout'));
  }
  await remove(daemon, id);
  assert.ok(
    lines.some((line) => /^(traced before execve|descriptor|foreign executable)/.test(line)),
    lines.join('\n'),
  );
  // Even so the supervisor's executable is a sealed copy that nobody can write to.
  assert.ok(!lines.includes('reopened for writing: ok'), lines.join('\n'));
});

test('CVE-2019-5736: an entrypoint that is the supervisor’s own executable', async () => {
  const rootfs = hostileRoot(daemon, 'self-exe');
  addAttack(join(rootfs, 'bin/attack'));
  writeFileSync(join(rootfs, 'bin/script'), '#!/proc/self/exe\n');
  chmodSync(join(rootfs, 'bin/script'), 0o755);
  symlinkSync('/proc/self/exe', join(rootfs, 'bin/itself'));
  const id = await startHostile(daemon, ['attack', 'hunt'], { rootfs });
  const shim = await parentOf(await daemon.hostPid(id));
  // All shims run one copy in memory, which the daemon has sealed.
  const hash = () =>
    createHash('sha256')
      .update(readFileSync(`/proc/${shim}/exe`))
      .digest('hex');
  const unharmed = hash();
  for (const command of ['/proc/self/exe', '/bin/script', '/bin/itself']) {
    await attempt(daemon, [command, 'x'], { rootfs });
    await manyExecs(id, 12, [command, 'x']);
  }
  const lines = caught(await daemon.logText(id, 'stdout'));
  assert.ok(!lines.includes('reopened for writing: ok'), lines.join('\n'));
  assert.ok(!lines.some((line) => line.startsWith('descriptor')), lines.join('\n'));
  assert.equal(hash(), unharmed);
  assert.match(readFileSync(`/proc/${shim}/maps`, 'utf8'), /memfd:/);
  await remove(daemon, id);
});

test('CVE-2024-21626: working directories and commands by descriptors that leaked', async () => {
  const rootfs = hostileRoot(daemon, 'fd-paths');
  symlinkSync('/tmp', join(rootfs, 'inside'));
  for (let fd = 3; fd < 18; fd++) symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, `fd${fd}`));
  const show = ['/bin/sh', '-c', 'pwd; ls -a /proc/self/cwd/; ls ../../../../..'];
  // It bites: a link that stays inside is followed.
  assert.equal((await attempt(daemon, ['/bin/pwd', '-P'], { rootfs, workdir: '/inside' })).stdout, '/tmp\n');
  const id = await startHostile(daemon, ['/bin/sh', '-c', 'echo ready; exec sleep 1000'], { rootfs });
  for (let fd = 3; fd < 18; fd++) {
    for (const workdir of [`/proc/self/fd/${fd}`, `/fd${fd}`, `/fd${fd}/../..`]) {
      const started = await attempt(daemon, show, { rootfs, workdir });
      assert.ok(started.refused, `${workdir}: ${started.stdout}`);
    }
    const program = await attempt(daemon, [`/proc/self/fd/${fd}/bin/busybox`, 'ls', '/'], { rootfs });
    assert.ok(program.refused, program.stdout);
    const joined = await execute(daemon, id, { command: ['/bin/true'], workdir: `/proc/self/fd/${fd}` });
    assert.ok(joined.problem, `exec in descriptor ${fd}`);
    const linked = await execute(daemon, id, { command: ['/bin/true'], workdir: `/fd${fd}` });
    assert.ok(linked.problem, `exec in descriptor ${fd} by a link`);
  }
  await remove(daemon, id);
});

const sets = (status: string): string[] =>
  [...status.matchAll(/^Cap(?:Inh|Amb):\s*([0-9a-f]+)\r?$/gm)].map((match) => match[1]!);
const EMPTY = ['0000000000000000', '0000000000000000'];

test('CVE-2022-24769, 29162, 27649, 27650: inheritable and ambient capabilities are empty, run and exec', async () => {
  const requests: Record<string, unknown>[] = [
    {},
    { user: 'alice' },
    { tty: true },
    { capabilities: { add: ['SYS_ADMIN'] } },
    { security: { privileged: true } },
    { user: '1000', security: { privileged: true } },
  ];
  for (const request of requests) {
    const { stdout } = await attempt(daemon, ['cat', '/proc/self/status'], request);
    assert.deepEqual(sets(stdout), EMPTY, JSON.stringify(request));
    const id = await startHostile(daemon, ['/bin/sh', '-c', 'echo ready; exec sleep 1000'], request);
    const seen: string[] = [];
    for (const exec of [{}, { user: '1000' }, { privileged: true }, { privileged: true, user: '1000' }]) {
      const { id: made } = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
        command: ['cat', '/proc/self/status'],
        ...exec,
      });
      const stream = await Stream.open(daemon.socket, `/v1/execs/${made}/start`).catch(() => undefined);
      // A host that itself lacks a capability cannot give them all: then nothing has run.
      if (stream === undefined) continue;
      assert.equal(await stream.end(), 0);
      seen.push(stream.stdout);
    }
    assert.ok(seen.length >= 2);
    for (const status of seen) assert.deepEqual(sets(status), EMPTY, JSON.stringify(request));
    await remove(daemon, id);
  }
  // It bites: what is asked for by name is there and would be seen.
  const names = ['CAP_CHOWN'];
  const asked = await attempt(daemon, ['cat', '/proc/self/status'], {
    oci: { process: { capabilities: { inheritable: names, ambient: names } } },
  });
  assert.deepEqual(sets(asked.stdout), ['0000000000000001', '0000000000000001'], JSON.stringify(asked.refused));
});

test('no attempt of this file changed anything on the host', () => {
  assert.deepEqual(canary.changes(), []);
});
