/** The device filter of cgroup v2, an eBPF program: what is allowed, what is not, and its replacement. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { CgroupError, update } from '../../daemon/runtime/cgroups/live.ts';
import { countDevicePrograms, replaceDeviceProgram } from '../../native-bindings/bpf.ts';
import { deviceNumbers, host, type Container } from './host.ts';

const WAIT = ['sleep', '1000'];
const EPERM = /Operation not permitted/;

const reads = async (container: Container, path: string) =>
  (await container.exec('dd', `if=${path}`, 'of=/dev/null', 'bs=512', 'count=1')).code === 0;
const writes = async (container: Container, path: string) =>
  (await container.exec('dd', 'if=/dev/zero', `of=${path}`, 'bs=512', 'count=1', 'conv=notrunc')).code === 0;

test('by default: the usual devices and no others, though any node can be made', async () => {
  const container = await host.start(WAIT);
  assert.equal(countDevicePrograms(container.group), 1);
  for (const path of ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom']) {
    assert.ok(await reads(container, path), path);
  }
  const { major, minor } = deviceNumbers('vdc');
  for (const [name, type, numbers] of [
    ['mem', 'c', ['1', '1']],
    ['kmsg', 'c', ['1', '11']],
    ['disk', 'b', [String(major), String(minor)]],
  ] as const) {
    const made = await container.exec('mknod', `/tmp/${name}`, type, ...numbers);
    assert.equal(made.code, 0, made.stderr);
    const { code, stderr } = await container.exec('dd', `if=/tmp/${name}`, 'of=/dev/null', 'bs=512', 'count=1');
    assert.equal(code, 1);
    assert.match(stderr, EPERM, name);
  }
  await container.remove();
});

test('a device that is asked for, with the access that is asked for', async () => {
  for (const [permissions, mayRead, mayWrite] of [
    ['r', true, false],
    ['w', false, true],
    ['rw', true, true],
  ] as const) {
    const container = await host.start(WAIT, {}, { devices: [{ source: '/dev/vdc', permissions }] });
    assert.equal(await reads(container, '/dev/vdc'), mayRead, `${permissions}: read`);
    assert.equal(await writes(container, '/dev/vdc'), mayWrite, `${permissions}: write`);
    await container.remove();
  }
});

test('rules in order, the last one that speaks wins; mknod can be denied too', async () => {
  const { major, minor } = deviceNumbers('vdc');
  const other = deviceNumbers('vdb');
  const container = await host.start(WAIT, {
    devices: [
      { allow: true, type: 'b', major, access: 'rwm' },
      { allow: false, type: 'b', major: other.major, minor: other.minor, access: 'rw' },
    ],
  });
  await container.exec('mknod', '/tmp/vdc', 'b', String(major), String(minor));
  await container.exec('mknod', '/tmp/vdb', 'b', String(other.major), String(other.minor));
  assert.deepEqual([await reads(container, '/tmp/vdc'), await reads(container, '/tmp/vdb')], [true, false]);
  await container.remove();
});

test('a privileged container may use every device', async () => {
  const container = await host.start(WAIT, {}, { security: { privileged: true } });
  const { major, minor } = deviceNumbers('vdc');
  await container.exec('mknod', '/tmp/vdc', 'b', String(major), String(minor));
  assert.ok(await reads(container, '/tmp/vdc'));
  assert.equal((await container.exec('mknod', '/tmp/kmsg', 'c', '1', '11')).code, 0);
  assert.ok(await writes(container, '/tmp/kmsg'));
  await container.remove();
});

test('a live update takes the place of the filter', async () => {
  const container = await host.start(WAIT, {}, { devices: [{ source: '/dev/vdc', permissions: 'r' }] });
  const { major, minor } = deviceNumbers('vdc');
  assert.deepEqual([await reads(container, '/dev/vdc'), await writes(container, '/dev/vdc')], [true, false]);
  const rule = (access: string) => ({ devices: [{ allow: true, type: 'b', major, minor, access }] });
  update(probeCgroups(), container.path, rule('w'));
  assert.equal(countDevicePrograms(container.group), 1);
  assert.deepEqual([await reads(container, '/dev/vdc'), await writes(container, '/dev/vdc')], [false, true]);
  update(probeCgroups(), container.path, { devices: [] });
  assert.deepEqual([await reads(container, '/dev/vdc'), await writes(container, '/dev/vdc')], [false, false]);
  assert.ok(await reads(container, '/dev/zero'), 'what every container may reach cannot be taken away');
  await container.remove();
});

test('there is no moment without a filter, nor with two', async () => {
  const container = await host.start(
    [
      'sh',
      '-c',
      'mknod /tmp/mem c 1 1; while [ ! -e /tmp/end ]; do ' +
        'if (exec < /tmp/mem) 2>/dev/null; then echo open; fi; ' +
        '(exec < /dev/null) 2>/dev/null || echo shut; echo round; done; echo over',
    ],
    {},
  );
  const { major, minor } = deviceNumbers('vdc');
  for (let round = 0; round < 300; round++) {
    const access = round % 2 === 0 ? 'r' : 'rw';
    update(probeCgroups(), container.path, { devices: [{ allow: true, type: 'b', major, minor, access }] });
    assert.equal(countDevicePrograms(container.group), 1);
  }
  await container.exec('touch', '/tmp/end');
  await host.daemon.client.must('GET', `/v1/containers/${container.id}/wait`);
  const seen = await host.daemon.logText(container.id, 'stdout');
  assert.match(seen, /round\n/);
  assert.match(seen, /over\n$/);
  assert.doesNotMatch(seen, /open|shut/);
  await container.remove();
});

test('a program that the verifier refuses changes nothing, nor does a limit that is refused with it', async () => {
  const container = await host.start(WAIT, { pids: { limit: 30 } });
  // No exit: it runs over its end.
  assert.throws(() => {
    replaceDeviceProgram(container.group, new Uint8Array(8));
  }, /bpf PROG_LOAD/);
  assert.equal(countDevicePrograms(container.group), 1);
  assert.throws(() => {
    update(probeCgroups(), container.path, {
      cpu: { cpus: '900' },
      pids: { limit: 20 },
      devices: [{ allow: true, type: 'c', major: 1, minor: 11, access: 'rw' }],
    });
  }, CgroupError);
  assert.equal(container.read('pids.max'), '30');
  await container.exec('mknod', '/tmp/kmsg', 'c', '1', '11');
  assert.equal(await writes(container, '/tmp/kmsg'), false);
  await container.remove();
});
