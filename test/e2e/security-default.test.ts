/** What a container started with defaults may and may not; SECURITY.md's profile, seen from inside. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon, parentOf, run } from '../harness/daemon.ts';
import { addProbe } from '../harness/rootfs.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  addProbe(daemon.rootfs);
});
after(() => daemon.close());

const probe = async (args: string[], request: Record<string, unknown> = {}) =>
  (await daemon.runToEnd(['probe', ...args], request)).stdout.trim();

const status = async (request: Record<string, unknown> = {}): Promise<Record<string, string>> => {
  const { stdout } = await daemon.runToEnd(['cat', '/proc/self/status'], request);
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(/:\s*/, 2) as [string, string]));
};

const FOURTEEN = '00000000a80425fb';
const NONE = '0000000000000000';

test('only stdio is open, in an exec too', async () => {
  for (const request of [{}, { tty: true }, { stdin: true }]) {
    const numbers = (await probe(['fds'], request)).split('\n').map((line) => line.split(' ')[1]);
    assert.deepEqual(numbers.sort(), ['0', '1', '2']);
  }
  const id = await daemon.create(['sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const { stdout } = await daemon.cli(['exec', id, 'probe', 'fds']);
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[1])
      .sort(),
    ['0', '1', '2'],
  );
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('fourteen capabilities, none inheritable or ambient; no_new_privs off; seccomp mode 2', async () => {
  const seen = await status();
  assert.deepEqual(
    [seen.CapInh, seen.CapPrm, seen.CapEff, seen.CapBnd, seen.CapAmb],
    [NONE, FOURTEEN, FOURTEEN, FOURTEEN, NONE],
  );
  assert.equal(seen.NoNewPrivs, '0');
  assert.equal(seen.Seccomp, '2');
});

test('a user other than root has no capability in effect', async () => {
  const seen = await status({ user: '1000' });
  assert.deepEqual([seen.CapInh, seen.CapPrm, seen.CapEff, seen.CapAmb], [NONE, NONE, NONE, NONE]);
});

test('an exec is confined as the container is', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const { stdout } = await daemon.cli(['exec', id, 'cat', '/proc/self/status']);
  assert.match(stdout, new RegExp(`CapEff:\\s+${FOURTEEN}`));
  assert.match(stdout, new RegExp(`CapInh:\\s+${NONE}`));
  assert.match(stdout, /Seccomp:\s+2/);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('what must not be possible is not', async () => {
  assert.equal(await probe(['socket', '28']), 'socket EPERM', 'AF_VSOCK');
  assert.equal(await probe(['socket', '100000028']), 'socket EPERM', 'AF_VSOCK with a high bit (libseccomp #383)');
  assert.equal(await probe(['socket', '100000026']), 'socket EPERM', 'AF_ALG with a high bit');
  assert.equal(await probe(['socket', '2']), 'socket ok', 'AF_INET');
  assert.equal(await probe(['unshare', '10000000']), 'unshare EPERM', 'a user namespace');
  assert.equal(await probe(['clone3']), 'clone3 ENOSYS');
  assert.equal(await probe(['keyctl']), 'keyctl EPERM');
  const { exit } = await daemon.runToEnd(['mount', '-t', 'tmpfs', 'x', '/tmp']);
  assert.notEqual(exit.code, 0);
});

test('the shim cannot be rewritten from inside (CVE-2019-5736)', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const shim = await parentOf(await daemon.hostPid(id));
  const hash = () =>
    createHash('sha256')
      .update(readFileSync(`/proc/${shim}/exe`))
      .digest('hex');
  const before = hash();
  const { stdout } = await daemon.cli(['exec', id, 'probe', 'write-exe']);
  // init is busybox by now, and busy; the shim itself is not to be seen from inside.
  assert.match(stdout, /write-exe (ETXTBSY|EACCES|EPERM)/);
  const self = await daemon.runToEnd(['/proc/self/exe', 'anything']).catch((error: unknown) => error);
  assert.ok(self !== undefined);
  assert.equal(hash(), before);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  for (const { id: left } of await daemon.client.must<{ id: string }[]>('GET', '/v1/containers?all=true')) {
    await daemon.client.must('DELETE', `/v1/containers/${left}?force=true`);
  }
});

test('masked paths are masked, read-only ones read-only', async () => {
  const { stdout } = await daemon.runToEnd([
    '/bin/sh',
    '-c',
    'for f in kcore keys timer_list sched_debug latency_stats interrupts; do [ -e /proc/$f ] && wc -c < /proc/$f; done; ' +
      'ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null; ' +
      'for f in sys/kernel/shmmax sysrq-trigger bus/x fs/x irq/x; do (echo 1 > /proc/$f) 2>/dev/null && echo "wrote $f"; done; ' +
      '(echo x > /sys/kernel/uevent_seqnum) 2>/dev/null && echo "wrote sys"; true',
  ]);
  assert.doesNotMatch(stdout, /wrote/);
  for (const line of stdout.split('\n')) if (/^\d+$/.test(line)) assert.equal(line, '0');
});

test('devices: the usual ones with their numbers, nothing else', async () => {
  const { stdout } = await daemon.runToEnd([
    '/bin/sh',
    '-c',
    'cd /dev; for f in *; do [ -c $f ] && [ ! -L $f ] && stat -c "%n %t:%T %a" $f; done; ls -d /dev/sd* /dev/vd* 2>/dev/null',
  ]);
  const numbers: Record<string, string> = {
    full: '1:7 666',
    null: '1:3 666',
    random: '1:8 666',
    tty: '5:0 666',
    urandom: '1:9 666',
    zero: '1:5 666',
  };
  const seen = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, line.slice(line.indexOf(' ') + 1)]),
  );
  for (const [name, value] of Object.entries(numbers)) assert.equal(seen[name], value, name);
  assert.deepEqual(
    Object.keys(seen).filter((name) => !(name in numbers) && name !== 'ptmx' && name !== 'console'),
    [],
  );
  // The device group holds even for a node that was made (CAP_MKNOD is there).
  const made = await daemon.runToEnd(['/bin/sh', '-c', 'mknod /tmp/mem c 1 1 && cat /tmp/mem']);
  assert.notEqual(made.exit.code, 0);
  assert.match(made.stderr, /Operation not permitted/);
});

test('namespaces of its own: pid, mount, ipc, uts, network, cgroup', async () => {
  const types = ['pid', 'mnt', 'ipc', 'uts', 'net', 'cgroup'];
  const { stdout } = await daemon.runToEnd([
    '/bin/sh',
    '-c',
    `for t in ${types.join(' ')}; do readlink /proc/self/ns/$t; done; echo $$; ls /sys/class/net`,
  ]);
  const { stdout: host } = await run('sh', ['-c', `for t in ${types.join(' ')}; do readlink /proc/self/ns/$t; done`]);
  const inside = stdout.split('\n');
  for (const [index, namespace] of host.trim().split('\n').entries()) assert.notEqual(inside[index], namespace);
  assert.equal(inside[types.length], '1');
  assert.deepEqual(
    inside.slice(types.length + 1).filter((line) => line !== ''),
    ['lo'],
  );
});

test('the host’s mounts are not seen, and ours are not seen on the host', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(daemon.folder));
  const { stdout } = await daemon.cli(['exec', id, 'cat', '/proc/self/mounts']);
  assert.doesNotMatch(stdout, /\/old_root|ext4 .*\/etc/);
  for (const line of stdout.trim().split('\n')) {
    const [, target, type] = line.split(' ');
    assert.ok(
      target === '/' || /^\/(proc|sys|dev)(\/|$)/.test(target!),
      `${target ?? ''} of type ${type ?? ''} should not be mounted`,
    );
  }
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('another user cannot look into the daemon’s directories', async () => {
  for (const folder of [daemon.root, `${daemon.run}/c`, `${daemon.root}/containers`]) {
    // The test's own folder is private as well, so ask for the mode and not through a path.
    const { stdout } = await run('stat', ['-c', '%a %u', folder]);
    assert.match(stdout.trim(), /^7[01][01] 0$/, folder);
  }
  const { stdout } = await run('stat', ['-c', '%a %u', daemon.socket]);
  assert.match(stdout.trim(), /^6[06]0 0$/);
});

test('privileged and no_new_privs are asked for by name', async () => {
  const privileged = await status({ security: { privileged: true } });
  assert.match(privileged.CapEff ?? '', /^0000000|[1-9a-f]/);
  assert.notEqual(privileged.CapEff, FOURTEEN);
  assert.equal(privileged.Seccomp, '0');
  assert.equal((await status({ security: { noNewPrivileges: true } })).NoNewPrivs, '1');
  // All means all that the host has: asking capset for more would be refused.
  assert.equal((await status({ capabilities: { add: ['ALL'] } })).CapEff, privileged.CapEff);
  const id = await daemon.create(['sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const { stdout } = await daemon.cli(['exec', '--privileged', id, 'grep', 'CapEff', '/proc/self/status']);
  assert.equal(stdout.trim().split(/\s+/)[1], privileged.CapEff);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  const dropped = await status({ capabilities: { drop: ['ALL'], add: ['CHOWN'] } });
  assert.equal(dropped.CapEff, '0000000000000001');
});

test('the working directory cannot lead out (CVE-2024-21626)', async () => {
  for (const fd of [3, 5, 7, 8, 9, 10]) {
    const id = await daemon.create(['/bin/sh', '-c', 'pwd; ls ../../../etc'], { workdir: `/proc/self/fd/${fd}` });
    const started = await daemon.client.send('POST', `/v1/containers/${id}/start`);
    assert.ok(started.status >= 400, `fd ${fd} was accepted as a working directory`);
    await daemon.client.must('DELETE', `/v1/containers/${id}`);
  }
});

test('pid 1 cannot trace or look into an exec that joins (CVE-2016-9962)', async () => {
  // Init tries to attach to every new process of its namespace, as fast as it can, while execs come.
  const id = await daemon.create([
    '/bin/sh',
    '-c',
    'while :; do for p in /proc/[0-9]*; do n=${p#/proc/}; [ $n = 1 ] || ls -l $p/fd 2>/dev/null | grep -E "socket|memfd|anon_inode" >> /seen; done; done',
  ]);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  for (let i = 0; i < 30; i++) {
    const { code } = await daemon.cli(['exec', id, '/bin/true']);
    assert.equal(code, 0);
  }
  const { stdout } = await daemon.cli(['exec', id, 'cat', '/seen']);
  assert.equal(stdout, '', 'descriptors of a joining exec were seen from inside');
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  await until('it is gone', async () => (await daemon.client.send('GET', `/v1/containers/${id}`)).status === 404);
});
