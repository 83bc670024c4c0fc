/** Programs on what the container has for files: its root, mounts, devices, masks. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '../harness/oci.ts';
import type { Mount, Spec } from './config.ts';
import { mustHoldInside } from './inside.ts';
import type { Context, Programs } from './program.ts';

function readonlyRoot(context: Context): Promise<void> {
  const spec = context.spec();
  spec.root.readonly = true;
  return mustHoldInside(context, spec);
}

/** File systems and binds with every propagation, and options that mean nothing to a bind. */
function mounts(context: Context): Promise<void> {
  const spec = context.spec();
  const common = ['nosuid', 'strictatime', 'mode=755', 'size=1k'];
  const fresh = ['shared', 'slave', 'private'].map((propagation): Mount => ({
    destination: `/tmp/test-${propagation}`,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...common, propagation],
  }));
  const bound = ['shared', 'slave', 'private', 'unbindable'].flatMap((propagation): Mount[] =>
    ['', 'r'].map((recursive) => ({
      destination: `/mnt/etc-${recursive}${propagation}`,
      source: '/etc',
      options: [...common, `${recursive}bind`, `${recursive}${propagation}`],
    })),
  );
  spec.mounts.push(...fresh, ...bound);
  return mustHoldInside(context, spec);
}

function devices(context: Context): Promise<void> {
  const spec = context.spec();
  const owned = { fileMode: 0o660, uid: 0, gid: 0 };
  spec.linux.devices = [
    { path: '/dev/test1', type: 'c', major: 10, minor: 666, ...owned },
    { path: '/dev/test2', type: 'b', major: 8, minor: 666, ...owned },
    { path: '/dev/test3', type: 'p', major: 8, minor: 666, fileMode: 0o660 },
  ];
  return mustHoldInside(context, spec);
}

/** Paths of files and directories, one within the other, whichever is covered first. */
const NESTED = ['/top', '/file', '/top/below', '/top/file', '/top/below/file'];

function makeNested(bundle: Bundle): void {
  mkdirSync(bundle.inside('top/below'), { recursive: true });
  for (const path of ['file', 'top/file', 'top/below/file']) writeFileSync(bundle.inside(path), 'content');
}

/** For masks and read-only paths alike; `property` is their name. */
async function covered(context: Context, property: 'maskedPaths' | 'readonlyPaths'): Promise<void> {
  const nested = context.spec();
  nested.linux[property] = NESTED;
  await mustHoldInside(context, nested, makeNested);
  for (const kind of ['b', 'c', 'p']) {
    const spec: Spec = context.spec();
    spec.linux[property] = ['/node'];
    const numbers = kind === 'p' ? [] : ['0', '0'];
    await mustHoldInside(context, spec, (bundle) =>
      execFileSync('mknod', ['-m', '666', join(bundle.rootfs, 'node'), kind, ...numbers]),
    );
  }
}

async function propagation(context: Context): Promise<void> {
  for (const mode of ['shared', 'slave', 'private', 'unbindable']) {
    const spec = context.spec();
    spec.linux.rootfsPropagation = mode;
    // The report mounts.
    for (const set of Object.values(spec.process!.capabilities)) set.push('CAP_SYS_ADMIN');
    delete spec.linux.seccomp;
    await mustHoldInside(context, spec);
  }
}

export const FILESYSTEM: Programs = {
  root_readonly_true: readonlyRoot,
  mounts,
  linux_devices: devices,
  linux_masked_paths: (context) => covered(context, 'maskedPaths'),
  linux_readonly_paths: (context) => covered(context, 'readonlyPaths'),
  linux_rootfs_propagation: propagation,
};
