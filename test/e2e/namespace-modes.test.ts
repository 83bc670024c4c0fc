/** pid, ipc, uts and cgroup namespaces: a container's own, the host's, or another container's; and /dev/shm with them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attempt } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const NAMESPACES = 'for n in pid ipc uts cgroup; do readlink /proc/self/ns/$n; done';
const own = (name: string): string => readlinkSync(`/proc/self/ns/${name}`);

async function started(command: readonly string[], request: Record<string, unknown> = {}): Promise<string> {
  const id = await daemon.create(command, request);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

const inspect = (id: string) =>
  daemon.client.must<{ status: string; exit?: { signal?: string; code?: number } }>('GET', `/v1/containers/${id}`);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

test('host: each of the four is the host’s, and /proc stays masked', async () => {
  const request = { pid: 'host', ipc: 'host', uts: 'host', cgroupNamespace: 'host' };
  const script = `${NAMESPACES}; hostname; echo $HOSTNAME; cat /proc/1/comm; wc -c < /proc/keys; grep -c /tare- /proc/self/cgroup; grep ' /dev/shm ' /proc/mounts`;
  const { stdout, exit } = await daemon.runToEnd(['sh', '-c', script], request);
  assert.equal(exit.code, 0);
  const [pid, ipc, uts, cgroup, name, variable, init, keys, groups, memory] = stdout.split('\n');
  assert.deepEqual([pid, ipc, uts, cgroup], ['pid', 'ipc', 'uts', 'cgroup'].map(own));
  assert.deepEqual([name, variable], [hostname(), hostname()]);
  assert.equal(`${init ?? ''}\n`, readFileSync('/proc/1/comm', 'utf8'));
  assert.equal(keys, '0', '/proc/keys is masked');
  assert.ok(Number(groups) > 0, 'the host’s paths of its groups are shown');
  assert.match(memory ?? '', /nosuid/);
});

test('private is the default, and another namespace each', async () => {
  const { stdout } = await daemon.runToEnd(['sh', '-c', NAMESPACES]);
  const seen = stdout.trim().split('\n');
  assert.equal(seen.length, 4);
  for (const [index, name] of ['pid', 'ipc', 'uts', 'cgroup'].entries()) assert.notEqual(seen[index], own(name));
});

test('pid host: what its process leaves ends with it, and the end is told', async () => {
  const script = 'sleep 1000 > /dev/null 2>&1 & echo $!';
  const { stdout, exit } = await daemon.runToEnd(['sh', '-c', script], { pid: 'host' });
  assert.equal(exit.code, 0);
  await until('the process that it left is gone', () => !existsSync(`/proc/${stdout.trim()}`));
});

test('ipc container: the namespace and /dev/shm of one that shares them', async () => {
  const donor = await started(['sh', '-c', 'echo here > /dev/shm/file; readlink /proc/self/ns/ipc; exec sleep 1000'], {
    name: 'donor',
    ipc: 'shareable',
    shmSize: '2m',
  });
  const ready = async () => (await daemon.logText(donor, 'stdout')) !== '';
  await until('the donor is ready', ready);
  const script =
    'readlink /proc/self/ns/ipc; cat /dev/shm/file; echo back > /dev/shm/other; df -k /dev/shm | tail -n 1';
  const { stdout } = await daemon.runToEnd(['sh', '-c', script], { ipc: 'container:donor' });
  const [namespace, file, sizes] = stdout.split('\n');
  assert.equal(`${namespace ?? ''}\n`, await daemon.logText(donor, 'stdout'));
  assert.equal(file, 'here');
  assert.match(sizes ?? '', /\s2048\s/);
  const view = await daemon.cli(['exec', 'donor', 'cat', '/dev/shm/other']);
  assert.equal(view.stdout, 'back\n');
  await remove(donor);
});

test('ipc: who does not share is not joined; sizes and none', async () => {
  const closed = await started(['sleep', '1000'], { name: 'closed' });
  const refused = await attempt(daemon, ['true'], { ipc: 'container:closed' });
  assert.deepEqual([refused.refused?.code, refused.refused?.field], ['invalid_field', 'ipc']);
  await remove(closed);
  const small = await daemon.runToEnd(['sh', '-c', 'df -k /dev/shm | tail -n 1'], { shmSize: 1024 * 1024 });
  assert.match(small.stdout, /\s1024\s/);
  const none = await daemon.runToEnd(['sh', '-c', 'grep -c " /dev/shm " /proc/mounts; ls -d /dev/shm'], {
    ipc: 'none',
  });
  assert.equal(none.stdout, '0\n');
  for (const ipc of ['none', 'host']) {
    const { refused: size } = await attempt(daemon, ['true'], { ipc, shmSize: '1m' });
    assert.deepEqual([size?.code, size?.field], ['invalid_field', 'shmSize']);
  }
});

test('pid container: sees the other’s processes, ends with it, and starts again only beside it', async () => {
  const target = await started(['sleep', '1000'], { name: 'target' });
  const guest = await started(['sh', '-c', 'cat /proc/1/cmdline; echo; echo $$; exec sleep 1000'], {
    name: 'guest',
    pid: 'container:target',
  });
  await until('the guest is ready', async () => /\n\d+\n/.test(await daemon.logText(guest, 'stdout')));
  assert.match(await daemon.logText(guest, 'stdout'), /^sleep\0?1000/);
  // from inside the guest, by an exec
  const seen = await daemon.cli(['exec', 'guest', 'sh', '-c', 'ps | grep -c "sleep 100[0]"']);
  assert.equal(seen.stdout, '2\n');
  await daemon.client.must('POST', `/v1/containers/${target}/kill`, { signal: 'KILL' });
  const ended = await until('the guest has ended too', async () => {
    const detail = await inspect(guest);
    return detail.status === 'stopped' && detail;
  });
  assert.equal(ended.exit?.signal, 'SIGKILL');
  const again = await daemon.client.send<{ code: string; field: string }>('POST', `/v1/containers/${guest}/start`);
  assert.deepEqual([again.body.code, again.body.field], ['container_not_running', 'pid']);
  await daemon.client.must('POST', `/v1/containers/${target}/start`);
  await daemon.client.must('POST', `/v1/containers/${guest}/start`);
  assert.equal((await inspect(guest)).status, 'running');
  await remove(guest);
  assert.equal((await inspect(target)).status, 'running', 'what goes leaves the other alone');
  await remove(target);
});

test('pid container: nobody starts where CAP_SYS_PTRACE could seize him; who has it joins last', async () => {
  const tracer = await started(['sleep', '1000'], { name: 'tracer', capabilities: { add: ['SYS_PTRACE'] } });
  const { refused } = await attempt(daemon, ['true'], { pid: 'container:tracer' });
  assert.deepEqual([refused?.code, refused?.field, refused?.at], ['unsupported', 'pid', 'start']);
  await remove(tracer);
  const plain = await started(['sleep', '1000'], { name: 'plain' });
  const debug = await attempt(daemon, ['true'], { pid: 'container:plain', capabilities: { add: ['SYS_PTRACE'] } });
  assert.equal(debug.code, 0);
  await remove(plain);
});

test('what contradicts itself is refused by name', async () => {
  const cases: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ uts: 'host', hostname: 'x' }, 'hostname', 'invalid_field'],
    [{ uts: 'host', domainname: 'x' }, 'domainname', 'invalid_field'],
    [{ pid: 'container:nobody' }, 'pid', 'container_not_found'],
    [{ ipc: 'container:nobody' }, 'ipc', 'container_not_found'],
    [{ pid: 'shareable' }, 'pid', 'invalid_field'],
    [{ shmSize: 0 }, 'shmSize', 'invalid_field'],
    [{ gpus: 'all' }, 'gpus', 'unsupported'],
    [{ deviceRules: ['c 1:3 rr'] }, 'deviceRules[0]', 'invalid_field'],
    // parameters of namespaces that are the host's
    [{ ipc: 'host', sysctls: { 'kernel.shmmax': '1' } }, 'sysctls.kernel.shmmax', 'invalid_field'],
    [
      { network: { mode: 'host' }, sysctls: { 'net.ipv4.ip_forward': '1' } },
      'sysctls.net.ipv4.ip_forward',
      'invalid_field',
    ],
    [{ uts: 'host', sysctls: { 'kernel.domainname': 'x' } }, 'sysctls.kernel.domainname', 'invalid_field'],
  ];
  for (const [request, field, code] of cases) {
    const { refused } = await attempt(daemon, ['true'], request);
    assert.deepEqual([refused?.code, refused?.field], [code, field], JSON.stringify(request));
  }
});

test('a directory gives its devices, and a rule allows those that it makes itself', async () => {
  const rule = await daemon.runToEnd(['sh', '-c', 'mknod /x c 10 229; : < /x; echo $?'], {
    deviceRules: ['c 10:229 rwm'],
  });
  const without = await daemon.runToEnd(['sh', '-c', 'mknod /x c 10 229; : < /x; echo $?'], {});
  assert.doesNotMatch(rule.stderr, /not permitted/);
  assert.match(without.stderr, /not permitted/);
  const source = join(daemon.folder, 'devices');
  mkdirSync(join(source, 'below'), { recursive: true });
  execFileSync('mknod', [join(source, 'below/zero'), 'c', '1', '5']);
  const script = 'find /given -type c; head -c 3 /given/below/zero | wc -c';
  const many = await daemon.runToEnd(['sh', '-c', script], { devices: [{ source, target: '/given' }] });
  assert.equal(many.stdout, '/given/below/zero\n3\n');
});
