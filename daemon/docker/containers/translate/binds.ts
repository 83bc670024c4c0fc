/** Binds, "source:target:mode", as volume/mounts/linux_parser.go of dockerd reads them. */
import { posix } from 'node:path';
import type { Mount } from '../../../../shared/api/container.ts';
import { NAME_PATTERN } from '../../../../shared/api/common.ts';
import { plain, refuse } from './refuse.ts';

const VOLUME_NAME = new RegExp(NAME_PATTERN);

type Propagation = NonNullable<Mount['propagation']>;
const PROPAGATIONS: readonly Propagation[] = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];

export interface Mode {
  readonly readonly: boolean;
  readonly propagation?: Propagation;
  readonly noCopy: boolean;
}

/** Words that exclude each other, in groups. z, Z (SELinux) and the consistencies of other systems do nothing here. */
const GROUPS: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['z', 'Z'],
  PROPAGATIONS,
  ['nocopy'],
  ['consistent', 'cached', 'delegated', 'default'],
];

/** Undefined for what is no mode. */
function parseMode(text: string): Mode | undefined {
  const words = text === '' ? [] : text.split(',');
  const groups = words.map((word) => GROUPS.findIndex((group) => group.includes(word)));
  if (groups.includes(-1) || new Set(groups).size < groups.length) return undefined;
  const propagation = PROPAGATIONS.find((name) => words.includes(name));
  return {
    readonly: words.includes('ro'),
    noCopy: words.includes('nocopy'),
    ...(propagation === undefined ? {} : { propagation }),
  };
}

/** Throws DockerError 400. */
export function modeOf(text: string): Mode {
  return parseMode(text) ?? refuse(`invalid mode: ${plain(text)}`);
}

/** One of Binds. Throws DockerError 400. */
export function bindOf(spec: string): Mount {
  const [first = '', second, third, more] = spec.split(':');
  const invalid = (why = ''): never => refuse(`invalid volume specification: '${plain(spec)}'${why}`);
  if (first === '' || second === '' || more !== undefined) return invalid();
  if (second !== undefined && third === undefined && parseMode(second) !== undefined) return invalid();
  const mode = modeOf(third ?? '');
  const target = second ?? first;
  const isBind = second !== undefined && first.startsWith('/');
  const type = isBind ? 'bind' : 'volume';
  if (!target.startsWith('/')) {
    return invalid(
      `: invalid mount config for type "${type}": invalid mount path: '${plain(target)}' mount path must be absolute`,
    );
  }
  if (posix.resolve(target) === '/') {
    return invalid(`: invalid mount config for type "${type}": invalid specification: destination can't be '/'`);
  }
  const access = mode.readonly ? { readonly: true } : {};
  if (isBind) {
    if (mode.noCopy) refuse(`invalid mode: ${plain(third ?? '')}`);
    const propagation = mode.propagation === undefined ? {} : { propagation: mode.propagation };
    return { type: 'bind', source: posix.resolve(first), target, ...access, ...propagation };
  }
  if (mode.propagation !== undefined) refuse(`invalid mode: ${plain(third ?? '')}`);
  const source = second === undefined ? {} : { source: volumeName(first) };
  return { type: 'volume', ...source, target, ...access, ...(mode.noCopy ? { noCopy: true } : {}) };
}

/** Throws DockerError 400. */
export function volumeName(name: string): string {
  if (VOLUME_NAME.test(name)) return name;
  return refuse(
    `create ${plain(name)}: "${plain(name)}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}
