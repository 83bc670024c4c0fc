/** What a container sees of control groups: its own, as if it were the root of all, and not to be written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { host } from './host.ts';

const WAIT = ['sleep', '1000'];
const ATTEMPTS =
  'cd /sys/fs/cgroup; for f in memory.max pids.max cgroup.procs cgroup.subtree_control cgroup.freeze cgroup.kill; do ' +
  '(echo 1 > $f) 2>/dev/null && echo "wrote $f"; done; mkdir x 2>/dev/null && echo made; true';

/** Of a namespace of its own there is the group, and nothing above or beside it. */
test('its own group is the root, read-only', async () => {
  const container = await host.start(WAIT, { pids: { limit: 23 } });
  const sh = async (script: string) => (await container.exec('sh', '-c', script)).stdout;
  assert.equal(await sh('cat /proc/self/cgroup'), '0::/\n');
  const mount = (await sh('grep " /sys/fs/cgroup " /proc/self/mountinfo')).trim();
  const [, , , root, , options] = mount.split(' ');
  assert.equal(root, '/');
  for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) assert.ok(options?.split(',').includes(option), mount);
  assert.match(mount, / - cgroup2 /);
  assert.equal(await sh('cat /sys/fs/cgroup/pids.max'), '23\n');
  assert.match(await sh('cat /sys/fs/cgroup/cgroup.procs'), /^1\n/);
  assert.equal(await sh('ls -d /sys/fs/cgroup/tare-* /sys/fs/cgroup/../cgroup/tare-* 2>/dev/null; true'), '');
  assert.equal(await sh(ATTEMPTS), '');
  assert.equal(await sh('mount -o remount,rw /sys/fs/cgroup 2>/dev/null && echo remounted; true'), '');
  assert.equal(container.read('pids.max'), '23');
  await container.remove();
});

test('in a user namespace of its own too', async () => {
  const namespaces = ['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup', 'user'].map((type) => ({ type }));
  const mapping = [{ containerID: 0, hostID: 0, size: 65_536 }];
  const { stdout, exit } = await host.daemon.runToEnd(
    ['sh', '-c', `cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; ${ATTEMPTS}`],
    {
      limits: { pids: 31 },
      oci: { linux: { namespaces, uidMappings: mapping, gidMappings: mapping } },
    },
  );
  assert.deepEqual([exit.code, stdout], [0, '0::/\n31\n']);
});

test('without a cgroup namespace: where it is, and nothing may be written (CVE-2023-25809)', async () => {
  const namespaces = ['pid', 'network', 'mount', 'ipc', 'uts'].map((type) => ({ type }));
  for (const options of [undefined, ['rw']]) {
    const id = await host.daemon.create(['sh', '-c', `cat /proc/self/cgroup; ${ATTEMPTS}`], {
      oci: {
        linux: { namespaces },
        ...(options === undefined
          ? {}
          : {
              mounts: [
                { destination: '/proc', type: 'proc', source: 'proc' },
                { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
                { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options },
              ],
            }),
      },
    });
    const { cgroup } = await host.inspect(id);
    await host.daemon.client.must('POST', `/v1/containers/${id}/start`);
    await host.daemon.client.must('GET', `/v1/containers/${id}/wait`);
    assert.equal(await host.daemon.logText(id, 'stdout'), `0::${cgroup}\n`);
    await host.daemon.client.must('DELETE', `/v1/containers/${id}`);
  }
});

test('a privileged container may make groups below its own, which end with it', async () => {
  const container = await host.start(WAIT, {}, { security: { privileged: true } });
  const { code, stdout, stderr } = await container.exec(
    'sh',
    '-c',
    'cd /sys/fs/cgroup && mkdir init deep deep/er && echo 1 > init/cgroup.procs && echo $$ > init/cgroup.procs && ' +
      'echo "+pids" > cgroup.subtree_control && echo 5 > deep/pids.max && cat deep/pids.max /proc/1/cgroup',
  );
  assert.deepEqual([code, stderr, stdout], [0, '', '5\n0::/init\n']);
  const again = await container.exec('cat', '/proc/self/cgroup');
  assert.deepEqual([again.code, again.stdout], [0, '0::/init\n']);
  await container.post('pause');
  assert.match(container.read('cgroup.events'), /^frozen 1$/m);
  await container.post('resume');
  await container.remove();
});
