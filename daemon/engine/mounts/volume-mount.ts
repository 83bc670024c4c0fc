/** A volume as a container has it mounted: a bind of the volume's directory or device, or of something in it. */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { MountSource } from '../../runtime/plan/target.ts';
import type { Mount } from '../../runtime/spec/types.ts';
import type { VolumeDevice } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { dataOf } from '../volumes/device.ts';
import { type AskedMount, bindOf } from './mount-of-request.ts';

export interface VolumeWish {
  readonly name: string;
  /** Nobody has named it: it is made for this container. */
  readonly anonymous: boolean;
  /** Of one that is made. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where it is mounted, without superfluous slashes and dots. */
  readonly destination: string;
  readonly noCopy: boolean;
  /** That the mount is made of: the volume's has to be the same still when the container is made. */
  readonly device: VolumeDevice | undefined;
}

/** What the mount asks for, which was checked. */
export function volumeMount(
  context: Context,
  mount: AskedMount,
): { readonly mount: Mount; readonly wish: VolumeWish; readonly source?: MountSource } {
  const { source: asked, target, subpath, labels = {} } = mount;
  const name = asked ?? randomBytes(32).toString('hex');
  const destination = posix.resolve(target);
  const noCopy = mount.noCopy === true || subpath !== undefined;
  const device = asked === undefined ? undefined : context.registry.volumes.get(name)?.device;
  const wish: VolumeWish = { name, anonymous: asked === undefined, labels, destination, noCopy, device };
  const directory = dataOf(context, { name, ...(device === undefined ? {} : { device }) });
  const bind = device === undefined ? mount : ofDevice(mount, device);
  if (subpath === undefined) return { mount: bindOf(bind, directory), wish };
  // what is shown; what is mounted is looked up below the directory, and never leaves it
  const source = posix.join(directory, posix.resolve('/', subpath));
  return {
    mount: bindOf(bind, source),
    wish,
    source: { kind: 'below', destination: target, source, directory, path: subpath },
  };
}

/** What the volume says and what the mount says, which counts where they differ; but what one has read-only is that. */
function ofDevice(mount: AskedMount, device: VolumeDevice): AskedMount {
  const { recursive, propagation } = device;
  return {
    ...(propagation === undefined ? {} : { propagation }),
    ...mount,
    recursive,
    readonly: device.readonly || mount.readonly === true,
    options: [...device.options, ...(mount.options ?? [])],
  };
}
