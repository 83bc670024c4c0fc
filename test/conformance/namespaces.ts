/** Programs on namespaces: new, joined by their path, inherited, and paths of another type. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { mountsBelow, newId } from '../harness/oci.ts';
import { until } from '../harness/until.ts';
import type { Spec } from './config.ts';
import type { Context, Programs } from './program.ts';
import { mustHoldInside } from './inside.ts';

/** The name in /proc/PID/ns, and the one in config.json. */
const TYPES = {
  cgroup: 'cgroup',
  ipc: 'ipc',
  mnt: 'mount',
  net: 'network',
  pid: 'pid',
  user: 'user',
  uts: 'uts',
} as const;
type Name = keyof typeof TYPES;
const NAMES = Object.keys(TYPES) as Name[];

const namespace = (pid: number | 'self', name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);

/** Creates, looks at the waiting process, and deletes. */
async function lookAtCreated(context: Context, spec: Spec, look: (pid: number) => void): Promise<void> {
  const { runtime, findings } = context;
  const bundle = runtime.bundle(spec, spec.root.path);
  const id = newId();
  try {
    const created = await runtime.create(id, bundle);
    findings.check(created.code === 0, 'the container is created', created.stderr);
    const pid = (await runtime.state(id))?.pid;
    if (created.code === 0 && pid !== undefined) look(pid);
  } finally {
    if ((await runtime.state(id)) !== undefined) await runtime.delete(id, true);
    findings.check(mountsBelow(bundle.folder).length === 0, 'no mount is left', mountsBelow(bundle.folder));
    bundle.remove();
  }
}

/** A process that has a namespace of its own, as unshare(1) makes it. It is ended when `use` is done. */
async function withForeign(name: Name, use: (path: string) => Promise<void>): Promise<void> {
  const option = { cgroup: 'cgroup', ipc: 'ipc', mnt: 'mount', net: 'net', pid: 'pid', user: 'user', uts: 'uts' }[name];
  const child: ChildProcess = spawn('unshare', [`--${option}`, '--fork', '--kill-child', 'sleep', '1000'], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  try {
    // unshare(1) itself is not in its new pid namespace, whose link is to be read once its first process is there.
    const link = name === 'pid' ? 'pid_for_children' : name;
    await until('the namespace is there', () => {
      const { status, stdout } = spawnSync('readlink', [`/proc/${child.pid}/ns/${link}`], { encoding: 'utf8' });
      return status === 0 && stdout.trim() !== namespace('self', name);
    });
    await use(`/proc/${child.pid}/ns/${link}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function inherited(context: Context): Promise<void> {
  const spec = context.spec(['true']);
  spec.linux.namespaces = [];
  delete spec.hostname;
  await lookAtCreated(context, spec, (pid) => {
    for (const name of NAMES) {
      context.findings.check(namespace(pid, name) === namespace('self', name), `${name} is the runtime's own`);
    }
  });
}

async function allNew(context: Context): Promise<void> {
  const spec = context.spec(['true']);
  spec.linux.namespaces = NAMES.map((name) => ({ type: TYPES[name] }));
  spec.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1000 }];
  spec.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 1000 }];
  await lookAtCreated(context, spec, (pid) => {
    for (const name of NAMES) {
      context.findings.check(namespace(pid, name) !== namespace('self', name), `${name} is a new one`);
    }
  });
}

/** `spec` with the namespace of this kind at a path. */
function joining(context: Context, name: Name, path: string): Spec {
  const spec = context.spec(['true']);
  const others = spec.linux.namespaces.filter(({ type }) => type !== TYPES[name]);
  spec.linux.namespaces = [...others, { type: TYPES[name], path }];
  return spec;
}

async function byPath(context: Context): Promise<void> {
  for (const name of ['ipc', 'mnt', 'net', 'pid', 'uts'] as const) {
    await withForeign(name, (path) =>
      lookAtCreated(context, joining(context, name, path), (pid) => {
        context.findings.check(namespace(pid, name) === readlinkSync(path), `${name} is the one at the path`);
      }),
    );
  }
}

async function wrongType(context: Context): Promise<void> {
  for (const [index, name] of NAMES.entries()) {
    const other = NAMES[(index + 1) % NAMES.length]!;
    const bundle = context.runtime.bundle(joining(context, name, `/proc/self/ns/${other}`), '.');
    const id = newId();
    const { code, stderr } = await context.runtime.create(id, bundle);
    context.findings.check(code !== 0, `a path of type ${other} for ${name} is an error`, stderr);
    if (code === 0) await context.runtime.delete(id, true);
    bundle.remove();
  }
}

async function mappings(context: Context): Promise<void> {
  const spec = context.spec();
  spec.linux.namespaces.push({ type: 'user' });
  spec.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 2000 }];
  spec.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 3000 }];
  await mustHoldInside(context, spec);
}

export const NAMESPACES: Programs = {
  linux_ns_itype: inherited,
  linux_ns_nopath: allNew,
  linux_ns_path: byPath,
  linux_ns_path_type: wrongType,
  linux_uid_mappings: mappings,
};
