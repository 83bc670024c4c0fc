/** Mounts, as objects (volume/mounts/validate.go of dockerd says what is wrong with them), and Tmpfs. */
import { posix } from 'node:path';
import type { Mount } from '../../../../shared/api/container.ts';
import { volumeName } from './binds.ts';
import type { MountBody } from './create-body.ts';
import type { Knows } from './host.ts';
import { plain, quoted, refuse } from './refuse.ts';

type Propagation = NonNullable<Mount['propagation']>;
const PROPAGATIONS: ReadonlySet<string> = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);

export interface TranslatedMount {
  readonly mount: Mount;
  /** A directory of the host that is to be made where it is missing. */
  readonly mkdir?: string;
}

type Option = 'BindOptions' | 'VolumeOptions' | 'TmpfsOptions' | 'ImageOptions' | 'ClusterOptions';
const OPTIONS: readonly Option[] = ['BindOptions', 'VolumeOptions', 'TmpfsOptions', 'ImageOptions', 'ClusterOptions'];

/** Throws DockerError 400. */
export function mountOf(body: MountBody, knows: Pick<Knows, 'exists'>): TranslatedMount {
  const { Type: type = '', Target: target = '' } = body;
  const invalid = (problem: string): never => refuse(`invalid mount config for type ${quoted(type)}: ${problem}`);
  if (type === 'npipe' || type === 'cluster') return invalid('mount type is not there on this host');
  if (type !== 'bind' && type !== 'volume' && type !== 'tmpfs' && type !== 'image')
    return invalid('mount type unknown');
  if (target === '') return invalid('field Target must not be empty');
  if (!target.startsWith('/')) return invalid(`invalid mount path: '${plain(target)}' mount path must be absolute`);
  if (posix.resolve(target) === '/') return invalid("invalid specification: destination can't be '/'");
  for (const option of OPTIONS) {
    const own = `${type.charAt(0).toUpperCase()}${type.slice(1)}Options`;
    if (option !== own && body[option] !== undefined) return invalid(`field ${option} must not be specified`);
  }
  if (type === 'bind') return bindMount(body, target, knows, invalid);
  if (type === 'volume') return { mount: volumeMount(body, target, invalid) };
  if (type === 'tmpfs') return { mount: tmpfsMount(body, target, invalid) };
  return { mount: imageMount(body, target, invalid) };
}

type Invalid = (problem: string) => never;

function bindMount(
  body: MountBody,
  target: string,
  { exists }: Pick<Knows, 'exists'>,
  invalid: Invalid,
): TranslatedMount {
  const { Source: source = '', ReadOnly: readonly = false, BindOptions: options = {} } = body;
  if (source === '') return invalid('field Source must not be empty');
  if (!source.startsWith('/')) return invalid(`invalid mount path: '${plain(source)}' mount path must be absolute`);
  const { Propagation: propagation = '' } = options;
  if (propagation !== '' && !PROPAGATIONS.has(propagation))
    return invalid(`invalid propagation mode: ${plain(propagation)}`);
  if (options.ReadOnlyForceRecursive === true) {
    if (!readonly) return invalid('mount must be ReadOnly to use ReadOnlyForceRecursive');
    if (options.ReadOnlyNonRecursive === true)
      return invalid('ReadOnlyNonRecursive and ReadOnlyForceRecursive conflict');
  }
  const isThere = exists(source);
  if (!isThere && options.CreateMountpoint !== true)
    return invalid(`bind source path does not exist: ${plain(source)}`);
  const mount: Mount = {
    type: 'bind',
    source: posix.resolve(source),
    target,
    ...(readonly ? { readonly: true } : {}),
    ...(propagation === '' ? {} : { propagation: propagation as Propagation }),
    ...(options.NonRecursive === true ? { recursive: false } : {}),
    ...(options.ReadOnlyForceRecursive === true ? { options: ['rro'] } : {}),
  };
  return isThere ? { mount } : { mount, mkdir: posix.resolve(source) };
}

function volumeMount(body: MountBody, target: string, invalid: Invalid): Mount {
  const { Source: source = '', ReadOnly: readonly = false, VolumeOptions: options = {} } = body;
  if (source === '' && readonly) return invalid('must not set ReadOnly mode when using anonymous volumes');
  const { Name: driver = '', Options: driverOptions = {} } = options.DriverConfig ?? {};
  refuseDriver(driver);
  if (Object.keys(driverOptions).length > 0)
    return invalid('options of the volume driver "local" are not taken here: create the volume with them first');
  const { Labels: labels = {}, Subpath: subpath = '' } = options;
  if (subpath.startsWith('/') || subpath.split('/').includes('..'))
    return invalid('subpath must be a relative path within the volume');
  return {
    type: 'volume',
    ...(source === '' ? {} : { source: volumeName(source) }),
    target,
    ...(readonly ? { readonly: true } : {}),
    ...(options.NoCopy === true ? { noCopy: true } : {}),
    ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
    ...(subpath === '' ? {} : { subpath }),
  };
}

/** Throws DockerError 400. */
export function refuseDriver(driver: string): void {
  if (driver === '' || driver === 'local') return;
  refuse(`error looking up volume plugin ${plain(driver)}: plugin ${quoted(driver)} not found`);
}

function tmpfsMount(body: MountBody, target: string, invalid: Invalid): Mount {
  const { Source: source = '', ReadOnly: readonly = false, TmpfsOptions: options = {} } = body;
  if (source !== '') return invalid('field Source must not be specified');
  const { SizeBytes: size = 0, Mode: mode = 0, Options: further = [] } = options;
  if (size < 0) return invalid('field SizeBytes must not be less than 0');
  if (mode < 0 || mode > 0o7777) return invalid(`invalid mode: ${String(mode)}`);
  const { readonly: isClosed, options: words } = tmpfsWords(further.map((pair) => pair.join('=')));
  return {
    type: 'tmpfs',
    target,
    ...(readonly || isClosed ? { readonly: true } : {}),
    ...(size === 0 ? {} : { size }),
    ...(mode === 0 ? {} : { mode: mode.toString(8).padStart(4, '0') }),
    ...(words.length === 0 ? {} : { options: words }),
  };
}

function imageMount(body: MountBody, target: string, invalid: Invalid): Mount {
  const { Source: source = '', ReadOnly: readonly = false, ImageOptions: { Subpath: subpath = '' } = {} } = body;
  if (source === '') return invalid('field Source must not be empty');
  return { type: 'image', source, target, readonly, ...(subpath === '' ? {} : { subpath }) };
}

/** One of Tmpfs: a path, and options as mount(8) has them. Throws DockerError 400. */
export function tmpfsOf(target: string, given: string): Mount {
  if (!target.startsWith('/')) refuse(`invalid mount path: '${plain(target)}' mount path must be absolute`);
  if (posix.resolve(target) === '/') refuse("invalid specification: destination can't be '/'");
  const { readonly, options } = tmpfsWords(given.split(','));
  return { type: 'tmpfs', target, ...(readonly ? { readonly } : {}), ...(options.length === 0 ? {} : { options }) };
}

const TMPFS_VALUES: ReadonlySet<string> = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);
const TMPFS_WORDS: ReadonlySet<string> = new Set([
  ...['exec', 'noexec', 'suid', 'nosuid', 'dev', 'nodev', 'defaults', 'sync', 'async', 'dirsync', 'nomand'],
  ...['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
]);

/** The kernel reads the values. Throws DockerError 400. */
function tmpfsWords(given: readonly string[]): { readonly readonly: boolean; readonly options: string[] } {
  let readonly = false;
  const options: string[] = [];
  for (const word of given) {
    const [name = '', value] = word.split('=', 2);
    if (word === '') continue;
    if (word === 'ro' || word === 'rw') readonly = word === 'ro';
    else if (value === undefined ? TMPFS_WORDS.has(name) : TMPFS_VALUES.has(name) && value !== '') options.push(word);
    else refuse(`invalid tmpfs option ${quoted(word)}`);
  }
  return { readonly, options };
}
