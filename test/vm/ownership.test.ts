/** Whose a container's group is: its user's where it may be written to from inside, else root's, config-linux.md "Cgroup ownership". */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FOREVER, plainConfig } from '../harness/oci-config.ts';
import { newId, type Config } from '../harness/oci.ts';
import { host, MOUNT } from './host.ts';

const FIRST = 300_000;
const MAPS = [{ containerID: 0, hostID: FIRST, size: 65_536 }];
const NAMESPACES = ['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup'].map((type) => ({ type }));
const USER_NAMESPACE = { namespaces: [...NAMESPACES, { type: 'user' }], uidMappings: MAPS, gidMappings: MAPS };

/** What a systemd inside would do: groups below its own, itself in one of them, limits for the other. */
const USE_IT =
  'cd /sys/fs/cgroup && mkdir init deep && echo $$ >init/cgroup.procs && echo 1 >init/cgroup.procs && ' +
  'echo +pids >cgroup.subtree_control && echo 5 >deep/pids.max && cat deep/pids.max /proc/self/cgroup';
const USED = '5\n0::/init\n';

/** Files of the group at `path` (and the directory, ".") that are not root's, and the one owner that they have. */
function given(path: string): { names: string[]; owner: number | undefined } {
  const directory = join(MOUNT, path);
  const owners = new Map(['.', ...readdirSync(directory)].map((name) => [name, statSync(join(directory, name)).uid]));
  const names = [...owners].filter(([, uid]) => uid !== 0).map(([name]) => name);
  const distinct = new Set(names.map((name) => owners.get(name)));
  assert.ok(distinct.size <= 1, JSON.stringify([...owners]));
  return { names: names.sort(), owner: [...distinct][0] };
}

/** The directory, and what the kernel lists of what is there. */
function delegable(path: string): string[] {
  const listed = readFileSync('/sys/kernel/cgroup/delegate', 'utf8').split('\n').filter(Boolean);
  return ['.', ...listed.filter((name) => existsSync(join(MOUNT, path, name)))].sort();
}

interface Wanted {
  readonly uid: number;
  readonly linux: Config;
  readonly options?: readonly string[];
}

/** A container of tare-oci, created; its control group is below a parent that it makes. */
async function create({ uid, linux, options = ['rw'] }: Wanted): Promise<{ id: string; path: string }> {
  const path = `/vm-${randomBytes(4).toString('hex')}/one`;
  const plain = plainConfig(FOREVER, { user: { uid, gid: uid } });
  const mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options };
  const config = { ...plain, mounts: [...(plain.mounts as Config[]), mount], linux: { ...linux, cgroupsPath: path } };
  const bundle = host.oci.bundle(config);
  // The root of the user namespace may not make it.
  mkdirSync(bundle.inside('sys/fs/cgroup'), { recursive: true });
  const id = newId();
  const { code, stderr } = await host.oci.create(id, bundle);
  assert.equal(code, 0, stderr);
  return { id, path };
}

test('root of a user namespace, and another user of it, make groups below and move processes there', async () => {
  for (const uid of [0, 1000]) {
    const { id, path } = await create({ uid, linux: USER_NAMESPACE });
    assert.deepEqual(given(path), { names: delegable(path), owner: FIRST + uid });
    // Its own limits are not its to change.
    const script = `${USE_IT} && ! (echo max >pids.max) 2>/dev/null`;
    const { code, stdout, stderr } = await host.oci.exec(id, ['sh', '-c', script], ['--user', `${uid}:${uid}`]);
    assert.deepEqual([code, stderr, stdout], [0, '', USED]);
    await host.oci.delete(id, true);
    assert.ok(!existsSync(join(MOUNT, path, '..')));
  }
});

test('read-only, without a cgroup namespace, or root without a user namespace: the group stays root’s', async () => {
  const shared = { ...USER_NAMESPACE, namespaces: USER_NAMESPACE.namespaces.filter(({ type }) => type !== 'cgroup') };
  for (const wanted of [
    { uid: 0, linux: USER_NAMESPACE, options: ['ro'] },
    { uid: 0, linux: shared },
    { uid: 0, linux: { namespaces: NAMESPACES } },
  ]) {
    const { id, path } = await create(wanted);
    assert.deepEqual(given(path), { names: [], owner: undefined });
    await host.oci.delete(id, true);
  }
});

test('the same for the daemon: a privileged container in a user namespace has its group, another has not', async () => {
  const maps = [{ containerID: 0, hostID: 0, size: 65_536 }];
  const linux = { namespaces: USER_NAMESPACE.namespaces, uidMappings: maps, gidMappings: maps };
  for (const privileged of [true, false]) {
    const request = { user: '1000:1000', security: { privileged }, oci: { linux } };
    const id = await host.daemon.create(['sleep', '1000'], request);
    await host.daemon.client.must('POST', `/v1/containers/${id}/start`);
    const { cgroup } = await host.inspect(id);
    const expected = privileged ? { names: delegable(cgroup), owner: 1000 } : { names: [], owner: undefined };
    assert.deepEqual(given(cgroup), expected);
    const made = await host.daemon.cli(['exec', id, 'sh', '-c', USE_IT]);
    assert.deepEqual([made.code === 0, made.stdout], [privileged, privileged ? USED : '']);
    await host.daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  }
});
