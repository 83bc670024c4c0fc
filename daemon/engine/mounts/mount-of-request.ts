/** One mount of a request as one of the spec: what its fields mean for its type, and which mean nothing. */
import { NAME_PATTERN } from '../../../shared/api/common.ts';
import type { CreateRequest } from '../../../shared/api/container.ts';
import type { Mount } from '../../runtime/spec/types.ts';
import { EngineError } from '../errors.ts';
import { bytesOf } from '../limits.ts';

export type AskedMount = NonNullable<CreateRequest['mounts']>[number];
type Field = Exclude<keyof AskedMount, 'type' | 'target'>;

const NAME = new RegExp(NAME_PATTERN);

const MEANINGLESS: Readonly<Record<AskedMount['type'], readonly Field[]>> = {
  bind: ['size', 'mode', 'subpath', 'noCopy', 'labels'],
  volume: ['size', 'mode', 'recursive'],
  tmpfs: ['source', 'recursive', 'propagation', 'subpath', 'noCopy', 'labels', 'idmap'],
  image: ['size', 'mode', 'recursive', 'propagation', 'noCopy', 'labels', 'idmap'],
};

const CALLED: Readonly<Record<AskedMount['type'], string>> = {
  bind: 'a bind',
  volume: 'a volume',
  tmpfs: 'a tmpfs',
  image: 'an image',
};

/** Throws `invalid_field`. */
export function checkMount(mount: AskedMount, field: string): void {
  for (const name of MEANINGLESS[mount.type]) {
    if (mount[name] !== undefined) throw invalid(`${field}.${name}`, `has no meaning for ${CALLED[mount.type]}`);
  }
  const { type, source } = mount;
  if (source === undefined && (type === 'bind' || type === 'image')) throw invalid(`${field}.source`, 'is missing');
  if (type === 'bind' && source?.startsWith('/') !== true) throw invalid(`${field}.source`, 'is not an absolute path');
  if (type === 'volume' && source !== undefined && !NAME.test(source)) {
    throw invalid(
      `${field}.source`,
      `"${source}" is no volume's name: letters, digits, "_", "." and "-", starting with a letter or digit, at most 128`,
    );
  }
}

/** A bind, or a tmpfs. Throws `invalid_field`. */
export function mountOf(mount: AskedMount, index: number): Mount {
  const field = `mounts[${index}]`;
  checkMount(mount, field);
  if (mount.type === 'tmpfs') return tmpfs(mount, field);
  if (mount.type === 'bind' && mount.source !== undefined) return bindOf(mount, mount.source);
  throw invalid(`${field}.type`, `${CALLED[mount.type]} is not a mount of this host`);
}

/** What the host has at `source`, as the request wants it mounted. */
export function bindOf(mount: AskedMount, source: string): Mount {
  const isRecursive = mount.recursive !== false;
  const options = [isRecursive ? 'rbind' : 'bind', ...accessOf(mount), mount.propagation ?? 'rprivate'];
  if (mount.idmap === true) options.push(isRecursive ? 'ridmap' : 'idmap');
  return { destination: mount.target, type: 'bind', source, options };
}

function accessOf(mount: AskedMount): string[] {
  return [...(mount.options ?? []), mount.readonly === true ? 'ro' : 'rw'];
}

function tmpfs(mount: AskedMount, field: string): Mount {
  const options = accessOf(mount);
  const size = bytesOf(mount.size, `${field}.size`);
  if (size !== undefined) options.push(`size=${size}`);
  if (mount.mode !== undefined) options.push(`mode=${mount.mode}`);
  return {
    destination: mount.target,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'noexec', ...options],
  };
}

export function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
