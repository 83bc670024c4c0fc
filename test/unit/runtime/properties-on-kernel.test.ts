/** Properties of the process and its namespaces, carried out: what the kernel then says of it. Needs root. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { compileHolder, type IdMaps } from '../../../daemon/runtime/plan/id-maps.ts';
import { CLONE_FLAGS, MS } from '../../../daemon/runtime/plan/kernel.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import type { NamespaceType } from '../../../daemon/runtime/spec/types.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, eventually, plan } from '../shim/shim.ts';
import { Bed, Container, spec } from './container.ts';

const bed = new Bed('properties');
const { base, rootfs } = bed;

after(async () => {
  await bed.remove();
});

const ALL: readonly NamespaceType[] = ['pid', 'ipc', 'uts', 'mount', 'cgroup', 'network'];
const types = (without: NamespaceType): { type: NamespaceType }[] =>
  ALL.filter((type) => type !== without).map((type) => ({ type }));

/** Until the container's program has ended, which `forget` then waits for. */
async function output(t: TestContext, script: string, partial: object): Promise<string> {
  const container = await Container.start(t, bed, spec(script, partial));
  const text = await container.output();
  await container.forget();
  return text;
}

test('scheduler, I/O priority and personality are those of the program', async (t) => {
  const script = 'cut -d" " -f41 /proc/self/stat; cut -d" " -f19 /proc/self/stat; ionice -p $$; uname -m';
  const text = await output(t, script, {
    process: {
      scheduler: { policy: 'SCHED_BATCH', nice: 7 },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
    },
    linux: { personality: { domain: 'LINUX32' } },
  });
  // proc_pid_stat(5): field 41 is the policy, SCHED_BATCH 3; field 19 the nice value.
  const lines = text.split('\n');
  assert.deepEqual(lines.slice(0, 3), ['3', '7', 'best-effort: prio 6'], text);
  assert.notEqual(lines[3], process.arch === 'x64' ? 'x86_64' : 'aarch64');
});

test('a policy that the kernel refuses is an error that names the call', async (t) => {
  const refused = spec('true', { process: { scheduler: { policy: 'SCHED_ISO' } } });
  await assert.rejects(Container.start(t, bed, refused), /sched_setattr/);
});

test('memory policy: the nodes of every page', async (t) => {
  const policy = { mode: 'MPOL_BIND', nodes: '0' };
  const text = await output(t, 'cat /proc/self/numa_maps', { linux: { memoryPolicy: policy } });
  const lines = text.split('\n').filter((line) => /^[0-9a-f]+ /.test(line));
  assert.ok(lines.length > 0 && lines.every((line) => line.includes(' bind:0')), text);
});

test('an exec runs on the CPUs that were asked for', async (t) => {
  const wanted = spec('exec sleep 100000', { process: { execCPUAffinity: { initial: '0', final: '0' } } });
  const container = await Container.start(t, bed, wanted);
  const status = await container.exec({ args: ['grep', 'Cpus_allowed_list', '/proc/self/status'] });
  assert.match(status, /Cpus_allowed_list:\t0\n/);
  await container.end();
});

/** The maps as a user namespace; its path, for as long as the test lasts. */
async function holder(t: TestContext, mappings: IdMaps): Promise<string> {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const launch = { process: '', plan: encodePlan(compileHolder(mappings)) };
  const answer = await client.start({ ...launch, stdio: STDIO.null });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  return `/proc/${String((answer as { pid: number | bigint }).pid)}/ns/user`;
}

const maps = (hostID: number): IdMaps => {
  const lines = [{ containerID: 0, hostID, size: 65_536 }];
  return { uidMappings: lines, gidMappings: lines };
};

test('an id-mapped bind shows its files with other owners, and leaves those of the host', async (t) => {
  const source = join(base, 'mapped');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), '');
  chownSync(join(source, 'file'), 5, 6);
  const path = await holder(t, maps(100_000));
  const mounts = [{ destination: '/data', type: 'bind', source, options: ['bind', 'idmap'], ...maps(100_000) }];
  const wanted = spec('stat -c "%u:%g" /data/file', {});
  wanted.mounts?.push(...(mounts as NonNullable<typeof wanted.mounts>));
  const idMaps = new Map([[(wanted.mounts?.length ?? 0) - 1, path]]);
  const container = await Container.start(t, bed, wanted, { idMaps });
  assert.match(await container.output(), /^100005:100006$/m);
  await container.forget();
  assert.deepEqual([statSync(join(source, 'file')).uid, statSync(join(source, 'file')).gid], [5, 6]);
});

test('a user namespace by path: its maps, and the container’s root in it', async (t) => {
  const path = await holder(t, maps(200_000));
  const namespaces = [...types('time'), { type: 'user', path }];
  const text = await output(t, 'cat /proc/self/uid_map; id -u; stat -c %u /proc/1', { linux: { namespaces } });
  assert.match(text, /^ +0 +200000 +65536$/m);
  assert.match(text, /\n0\n0\n$/);
});

test('a network namespace by path, together with a new user namespace', async (t) => {
  const other = await Container.start(t, bed, spec('exec sleep 100000', {}));
  const path = `/proc/${String(other.pid)}/ns/net`;
  const namespaces = [...types('network'), { type: 'network', path }, { type: 'user' }];
  const wanted = spec('exec sleep 100000', { linux: { namespaces, ...maps(300_000) } });
  wanted.mounts = (wanted.mounts ?? []).filter(({ type }) => type !== 'sysfs' && type !== 'cgroup');
  const container = await Container.start(t, bed, wanted);
  assert.equal(readlinkSync(`/proc/${String(container.pid)}/ns/net`), readlinkSync(path));
  await container.end();
  await other.end();
});

test('a user namespace on the host’s network has the host’s /sys', async (t) => {
  const namespaces = [...types('network'), { type: 'user' }];
  const text = await output(t, 'ls /sys/class/net; touch /sys/x || echo closed', {
    linux: { namespaces, ...maps(300_000) },
  });
  assert.match(text, /^lo$/m);
  assert.match(text, /^closed$/m);
});

/** A program in a mount namespace of its own, where `directory` is a mount that is shared. */
const inShared = (directory: string): string[] => {
  const script = `mount -t tmpfs shared ${directory} && mount --make-shared ${directory} && exec "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
};

test('what a container mounts in a shared bind is mounted on the host; nothing else is', async (t) => {
  const source = join(base, 'shared');
  mkdirSync(source);
  const script = 'mkdir /data/in /plain/in; for at in /data /plain; do mount -t tmpfs made $at/in; done; sleep 100000';
  const capabilities = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_KILL'];
  const wanted = spec(`${script} & wait`, {
    process: { capabilities: { bounding: capabilities, permitted: capabilities, effective: capabilities } },
    linux: { seccomp: null, rootfsPropagation: 'rshared' },
  });
  wanted.mounts?.push(
    { destination: '/data', type: 'bind', source, options: ['rbind', 'rshared'] },
    { destination: '/plain', type: 'bind', source, options: ['rbind'] },
  );
  const container = await Container.start(t, bed, wanted, {}, inShared(source));
  const points = await eventually('the mount on the host', () => {
    const found = container
      .hostMounts()
      .split('\n')
      .filter((line) => line.includes(' made '));
    return found.length > 0 ? found : undefined;
  });
  assert.deepEqual(
    points.map((line) => line.split(' ')[4]),
    [join(source, 'in')],
  );
  assert.ok(!container.hostMounts().includes(join(base, 'mnt')));
  await container.end();
});

/** Mount points of this process's namespace. */
function mountPoints(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}

test('a mount namespace by path: the mounts are made in it, and nowhere else', async (t) => {
  const other = await (await Shim.run(t)).client().subscribe();
  const privately: Operation = { op: 'root_propagation', flags: MS.PRIVATE | MS.REC };
  const sleeper = plan([privately], ['sleep', '100000'], CLONE_FLAGS.mount);
  const { pid } = await other.started({ process: '', plan: sleeper, stdio: STDIO.null });
  const path = `/proc/${String(pid)}/ns/mnt`;
  const namespaces = [...types('mount'), { type: 'mount', path }];
  const inside = join(base, 'inside');
  mkdirSync(inside);
  const before = mountPoints();
  const wanted = spec(
    'readlink /proc/self/ns/mnt; cat /etc/passwd | head -n1; grep -c " /proc " /proc/self/mountinfo',
    {
      linux: { namespaces },
    },
  );
  const container = await Container.start(t, bed, wanted, {
    root: { kind: 'bind', source: rootfs },
    mountPoint: inside,
  });
  const text = await container.output();
  assert.ok(text.startsWith(`${readlinkSync(path)}\nroot:x:0:0`), text);
  await container.forget();
  assert.equal(mountPoints(), before);
  rmSync(inside, { recursive: true });
});

test('without a mount namespace: in the host’s, on the directory, with nothing mounted', async (t) => {
  const root = join(base, 'bare');
  const copied = new Bed('bare');
  t.after(async () => {
    await copied.remove();
  });
  mkdirSync(root);
  const wanted = spec('read x; echo unreachable', {
    linux: { namespaces: types('mount'), maskedPaths: null, readonlyPaths: null, seccomp: null },
  });
  wanted.mounts = [];
  wanted.process = { cwd: '/', args: ['/bin/sh', '-c', 'echo made > /tmp/made; ls -d /bin /dev/null'] };
  const before = mountPoints();
  const container = await Container.start(t, bed, wanted, { root: { kind: 'bind', source: copied.rootfs } });
  assert.match(await container.output(), /^\/bin\n\/dev\/null$/m);
  await container.forget();
  assert.equal(mountPoints(), before);
  assert.equal(readFileSync(join(copied.rootfs, 'tmp/made'), 'utf8'), 'made\n');
});

test('without a mount namespace, and mounts that the caller allows: they are made in his, below the directory', async (t) => {
  const own = new Bed('host');
  t.after(async () => {
    await own.remove();
  });
  const before = mountPoints();
  const wanted = spec('cat /proc/self/comm; echo x > /dev/shm/x; cat /proc/timer_list | wc -c; exec sleep 100000', {
    linux: { namespaces: types('mount').filter(({ type }) => type !== 'cgroup') },
  });
  // The caller is a shim in a mount namespace of its own, so that nothing is mounted on this machine.
  const privately = ['unshare', '--mount', '--propagation', 'private'];
  const container = await Container.start(
    t,
    own,
    wanted,
    { root: { kind: 'bind', source: own.rootfs }, hostMounts: true },
    privately,
  );
  const targets = (wanted.mounts ?? []).map(({ destination }) => join(own.rootfs, destination));
  const found = container
    .hostMounts()
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const target of targets) assert.ok(found.includes(target), target);
  assert.equal(readlinkSync(`/proc/${String(container.pid)}/ns/mnt`), readlinkSync(`/proc/${container.id}/ns/mnt`));
  assert.equal(mountPoints(), before);
  await container.end();
});

test('a device inside a bind is the host’s own, and nothing is made beside it', async (t) => {
  const source = join(base, 'devices');
  mkdirSync(source);
  writeFileSync(join(source, 'null'), '');
  const devices = [{ path: '/data/null', type: 'c', major: 1, minor: 3 }];
  const wanted = spec('true', { linux: { devices } });
  wanted.mounts?.push({ destination: '/data', type: 'bind', source, options: ['bind'] });
  // The host has no /data/null: what is bound is looked up by its path there.
  await assert.rejects(Container.start(t, bed, wanted), /ENOENT|\/data\/null/);
  assert.ok(statSync(join(source, 'null')).isFile());
});

test('calls are handed to a listener, which is told of the container', async (t) => {
  const path = join(base, 'agent.sock');
  const told = Promise.withResolvers<string>();
  const server = createServer((connection) => {
    let text = '';
    connection.on('data', (chunk) => {
      text += chunk.toString();
    });
    connection.on('end', () => {
      connection.destroy();
      told.resolve(text);
    });
  });
  t.after(() => {
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: null,
    defaultErrnoRet: null,
    listenerPath: path,
    listenerMetadata: 'of ours',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }],
  };
  // Nobody holds the listener, for node does not take descriptors: the kernel answers ENOSYS, seccomp_unotify(2).
  const wanted = spec('mkdir /tmp/x || echo refused', { linux: { seccomp }, annotations: { a: 'b' } });
  const container = await Container.start(t, bed, wanted);
  assert.match(await container.output(), /^refused$/m);
  const state = JSON.parse(await told.promise) as Record<string, unknown>;
  assert.deepEqual([state.pid, state.metadata], [container.pid, 'of ours']);
  assert.deepEqual(state.fds, ['seccompFd']);
  const { id, status, bundle } = state.state as Record<string, unknown>;
  assert.deepEqual([id, status, bundle], [container.id, 'creating', base]);
  await container.forget();
});
