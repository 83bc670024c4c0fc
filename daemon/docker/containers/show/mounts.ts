/** What a container has mounted, as inspect and lists show it. */
import { posix } from 'node:path';
import type { MountPoint } from '../../../../shared/api/container.ts';
import type { HostConfig } from '../translate/create-body.ts';

/** The name of a volume that nobody has named. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

export interface MountShown {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** `host`: what was asked for, where that is known; what stands in its Tmpfs is not shown again. */
export function mountsShown(mounts: readonly MountPoint[], host: HostConfig = {}): MountShown[] {
  const modes = modesOf(host);
  const tmpfs = new Set(Object.keys(host.Tmpfs ?? {}));
  return mounts
    .filter(({ type, destination }) => type !== 'tmpfs' || !tmpfs.has(destination))
    .map(({ type, name, source, destination, readonly, propagation }) => ({
      Type: type,
      ...(name === undefined ? {} : { Name: name }),
      Source: source,
      Destination: destination,
      ...(type === 'volume' ? { Driver: 'local' } : {}),
      Mode: modes.get(destination) ?? likelyMode({ type, name, readonly }),
      RW: !readonly,
      Propagation: type === 'bind' ? (propagation ?? 'rprivate') : '',
    }));
}

/** By destination, as they were asked for. */
function modesOf({ Binds: binds = [], Mounts: mounts = [] }: HostConfig): Map<string, string> {
  const ofBinds = binds.flatMap((bind): [string, string][] => {
    const [source = '', target, mode = source.startsWith('/') ? '' : 'z'] = bind.split(':');
    return target === undefined ? [[source, '']] : [[target, mode]];
  });
  const ofMounts = mounts.map(({ Type: type, Target: target = '' }): [string, string] => [
    target,
    type === 'volume' ? 'z' : '',
  ]);
  return new Map([...ofBinds, ...ofMounts].map(([target, mode]) => [posix.resolve('/', target), mode]));
}

/** "z" is what dockerd has always called the mode of a volume with a name that has none. */
function likelyMode({
  type,
  name = '',
  readonly,
}: {
  type: string;
  name: string | undefined;
  readonly: boolean;
}): string {
  if (type === 'volume') return ANONYMOUS.test(name) ? '' : 'z';
  return type === 'bind' && readonly ? 'ro' : '';
}
