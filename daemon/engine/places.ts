/** Every path and control group of one daemon, from its root and run directories. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { LogDriver } from '../../shared/api/logs.ts';

/** sun_path is 108 bytes, its NUL included: unix(7). */
const SOCKET_PATH_MAX = 107;

export class PathTooLong extends Error {
  override name = 'PathTooLong';
}

/** Of the log of the driver json-file, as dockerd has it. */
export function jsonLogName(id: string): string {
  return `${id}-json.log`;
}

export class Places {
  /** Real, absolute paths. */
  readonly root: string;
  readonly run: string;
  readonly socket: string;
  readonly containers: string;
  /** <name>/data; names that begin with a dot are of removals under way. */
  readonly volumes: string;
  /** What builds have while they go on, a directory each. */
  readonly builds: string;
  /** Sockets of the shims. */
  readonly shims: string;
  /** Where every init, in its own mount namespace, attaches its root. */
  readonly mountPoint: string;
  /** Of all our containers, absolute inside each hierarchy; two daemons have different ones. */
  readonly cgroupParent: string;
  /** Of our bridges and veths, in whose names there is little room: four hexadecimal digits. */
  readonly networkTag: string;
  /** Of nf_tables, in the family inet. */
  readonly table: string;

  constructor(directories: { readonly root: string; readonly run: string; readonly socket: string }) {
    this.root = directories.root;
    this.run = directories.run;
    this.socket = directories.socket;
    this.containers = join(this.root, 'containers');
    this.volumes = join(this.root, 'volumes');
    this.builds = join(this.root, 'builds');
    this.shims = join(this.run, 'c');
    this.mountPoint = join(this.run, 'mnt');
    const hash = createHash('sha256').update(this.root).digest('hex');
    this.cgroupParent = `/tare-${hash.slice(0, 8)}`;
    this.networkTag = hash.slice(0, 4);
    this.table = `tare-${hash.slice(0, 8)}`;
  }

  /** Throws PathTooLong, naming the path, where a socket's path would not fit. */
  checkSocketPaths(): void {
    for (const path of [this.socket, join(this.shims, `${'0'.repeat(64)}.sock`)]) {
      const length = Buffer.byteLength(path);
      if (length <= SOCKET_PATH_MAX) continue;
      throw new PathTooLong(
        `the socket path ${path} has ${String(length)} bytes, the kernel takes ${String(SOCKET_PATH_MAX)}: choose a shorter run directory`,
      );
    }
  }

  container(id: string): string {
    return join(this.containers, id);
  }

  /** What its driver writes; "" of none. Rotated ones have ".1", ".2", … behind it. */
  log(id: string, driver: LogDriver): string {
    if (driver === 'none') return '';
    return join(this.containers, id, driver === 'cri' ? 'log' : jsonLogName(id));
  }

  /** The exit record that the shim writes. */
  record(id: string): string {
    return join(this.containers, id, 'exit.json');
  }

  /** The hook that is running, of the host's (hooks/host-hook.ts). */
  hook(id: string): string {
    return join(this.containers, id, 'hook.json');
  }

  /** The spec, for hooks: there where the container has any and is not a bundle's, which has its own. */
  config(id: string): string {
    return join(this.containers, id, 'config.json');
  }

  upper(id: string): string {
    return join(this.containers, id, 'upper');
  }

  work(id: string): string {
    return join(this.containers, id, 'work');
  }

  /** For an overlay that would lack a lower directory: there is nothing in it. */
  emptyLower(id: string): string {
    return join(this.containers, id, 'empty');
  }

  /** What is written to an image that the container has mounted: its upper and work directories lie here. */
  mountLayers(id: string, index: number): string {
    return join(this.containers, id, `mount-${String(index)}`);
  }

  /** Its /etc/hosts, hostname and resolv.conf: where its upper layer is, for it may write to them as it does there. */
  names(id: string): string {
    return join(this.containers, id, 'etc');
  }

  /** In the spec of a container that joins the network of this one: stands for what is known at its start only. */
  joinedNetwork(id: string): string {
    return join(this.containers, id, 'network');
  }

  /** The same of its other namespaces, and of "shm", its /dev/shm. */
  joinedNamespace(id: string, type: string): string {
    return join(this.containers, id, type);
  }

  volume(name: string): string {
    return join(this.volumes, name);
  }

  /** What is mounted of it. */
  volumeData(name: string): string {
    return join(this.volumes, name, 'data');
  }

  cgroup(id: string): string {
    return `${this.cgroupParent}/${id}`;
  }
}
