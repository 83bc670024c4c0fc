/** Devices and links of /dev, config-linux.md#devices, #default-devices and runtime-linux.md#dev-symbolic-links. */
import { dirname } from 'node:path';
import type { Device, Mount, Process, Spec } from '../spec/types.ts';
import { SpecError } from '../spec/error.ts';
import { isBind } from '../spec/validate-mounts.ts';
import { MOUNT_ATTR } from './kernel.ts';
import { newMountAttributes, parseMountOptions } from './mount-options.ts';
import { DEVICE_KINDS, type Operation } from './operations.ts';

const READ_WRITE = 0o666;

/** /dev/ptmx is a link, and /dev/console comes with a terminal. */
const DEFAULT_DEVICES: readonly Device[] = (
  [
    ['/dev/null', 1, 3],
    ['/dev/zero', 1, 5],
    ['/dev/full', 1, 7],
    ['/dev/random', 1, 8],
    ['/dev/urandom', 1, 9],
    ['/dev/tty', 5, 0],
  ] as const
).map(([path, major, minor]) => ({ path, type: 'c', major, minor, fileMode: READ_WRITE, uid: 0, gid: 0 }));

const LINKS: readonly (readonly [path: string, to: string])[] = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
];

/** The host's /dev, or somebody else's: nothing is made in it. */
function hasForeignDev(spec: Spec): boolean {
  const isForeign = (mount: Mount): boolean => isBind(mount) || mount.type === 'devtmpfs';
  return spec.mounts?.some((mount) => mount.destination === '/dev' && isForeign(mount)) === true;
}

/** The bind mount that a device's path lies in. */
function bindAround(spec: Spec, { path }: Device): Mount | undefined {
  return spec.mounts?.find((mount) => isBind(mount) && path.startsWith(`${mount.destination}/`));
}

function hasOwnDevpts(spec: Spec): boolean {
  return spec.mounts?.some((mount) => mount.destination === '/dev/pts' && mount.type === 'devpts') === true;
}

/** `bound`: the host's node of that name, verified, is bound over what stands at `path`. Its owner and mode are the host's. */
function deviceOperation(device: Device, bound: boolean): Operation {
  const kind = device.type === 'p' ? DEVICE_KINDS.p : device.type === 'b' ? DEVICE_KINDS.b : DEVICE_KINDS.c;
  const major = device.major ?? 0;
  const minor = device.minor ?? 0;
  const { path } = device;
  // mknod(2) of a device is refused in a user namespace, but a FIFO is none.
  if (bound && device.type !== 'p') return { op: 'device_bind', path, source: path, kind, major, minor };
  const mode = device.fileMode ?? READ_WRITE;
  return { op: 'device', path, kind, major, minor, mode, uid: device.uid ?? 0, gid: device.gid ?? 0 };
}

function withParent(device: Device, bound: boolean): Operation[] {
  const parent = dirname(device.path);
  const operation = deviceOperation(device, bound);
  if (parent === '/' || parent === '/dev') return [operation];
  return [{ op: 'directory', path: parent, mode: 0o755, uid: 0, gid: 0 }, operation];
}

/** Made in a bind mount it would stay in a directory of the host, and take away what has its name: the host's own is bound. */
function askedDevice(spec: Spec, device: Device, index: number, bound: boolean): Operation[] {
  const around = bindAround(spec, device);
  if (around === undefined) return withParent(device, bound);
  if (device.type !== 'p') return [deviceOperation(device, true)];
  throw new SpecError(
    `linux.devices[${String(index)}].path`,
    `${device.path} lies in the bind mount at ${around.destination}, where nothing is made`,
    'unsupported',
  );
}

/** A /dev that is to be read-only becomes so only now, see compile-mounts.ts. */
function closeDev(spec: Spec): Operation[] {
  const dev = spec.mounts?.find((mount) => mount.destination === '/dev' && !isBind(mount));
  const set = dev === undefined ? 0 : newMountAttributes(parseMountOptions(dev.options ?? [])) & MOUNT_ATTR.RDONLY;
  if (set === 0) return [];
  return [{ op: 'mount_attributes', target: '/dev', set, clear: 0, recursive: 0, propagation: 0 }];
}

function terminal(spec: Spec, wanted: Process): Operation[] {
  if (wanted.terminal !== true) return [];
  if (!hasOwnDevpts(spec)) throw new SpecError('process.terminal', 'needs a mount of type devpts at /dev/pts');
  return [terminalOperation(wanted, !hasForeignDev(spec))];
}

export function terminalOperation(wanted: Process, console: boolean): Operation {
  const { height: rows = 0, width: columns = 0 } = wanted.consoleSize ?? {};
  return { op: 'terminal', rows, columns, console: console ? 1 : 0 };
}

/** After the mounts, before the root is entered. */
export function compileDevices(spec: Spec, wanted: Process, userNamespace: boolean): Operation[] {
  const asked = spec.linux?.devices ?? [];
  const operations: Operation[] = [];
  if (!hasForeignDev(spec)) {
    operations.push({ op: 'directory', path: '/dev', mode: 0o755, uid: 0, gid: 0 });
    const taken = new Set(asked.map(({ path }) => path));
    const defaults = DEFAULT_DEVICES.filter(({ path }) => !taken.has(path));
    operations.push(...defaults.map((device) => deviceOperation(device, userNamespace)));
  }
  operations.push(...asked.flatMap((device, index) => askedDevice(spec, device, index, userNamespace)));
  if (!hasForeignDev(spec)) {
    if (hasOwnDevpts(spec)) operations.push({ op: 'symlink', path: '/dev/ptmx', to: 'pts/ptmx' });
    for (const [path, to] of LINKS) operations.push({ op: 'symlink', path, to });
  }
  operations.push(...terminal(spec, wanted), ...closeDev(spec));
  return operations;
}
