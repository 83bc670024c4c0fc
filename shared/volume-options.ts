/**
 * The options of Docker's volume driver "local" (`docker volume create --opt`, `DriverOpts`, `driver_opts` of compose):
 * `type`, `o` and `device`, as mount(8) would be told them. With bind among the words of `o` they make a volume of a
 * directory of the host, in the native API's terms the fields of POST /volumes that begin with `device`. All else that
 * they can say is a file system that somebody mounts on the host; it is refused by name.
 */
import type { VolumeCreateRequest } from './api/volume.ts';

export type VolumeOptions = Readonly<Record<string, string>>;
export type DeviceFields = Pick<
  VolumeCreateRequest,
  'device' | 'readonly' | 'recursive' | 'propagation' | 'options'
> & { device: string };

/** In dockerd's words where it has them. */
export class VolumeOptionError extends Error {
  override name = 'VolumeOptionError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What a bind can be told besides, by the names of mount(8). The last of those that contradict each other counts. */
export const DEVICE_FLAGS: ReadonlySet<string> = new Set([
  ...['suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'symfollow', 'nosymfollow'],
  ...['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
  // they say what is so anyway
  ...['defaults', 'async', 'nomand', 'silent', 'loud'],
]);

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'] as const;
const KEYS: ReadonlySet<string> = new Set(['type', 'o', 'device', 'size']);
/** In the order in which dockerd misses them. */
const NEEDED: readonly (readonly [key: string, others: readonly string[]])[] = [
  ['o', ['device', 'type']],
  ['type', ['device']],
  ['device', ['type']],
];
const INSTEAD =
  'mount it on the host, and make a volume of the directory: type=none, o=bind, device=DIRECTORY; ' +
  'memory is a mount of the container: --tmpfs';

/** Undefined where there are none. Throws VolumeOptionError. */
export function parseVolumeOptions(options: VolumeOptions): DeviceFields | undefined {
  checkKeys(options);
  const { type, o = '', device } = options;
  if (type === undefined || device === undefined) return undefined;
  const words = o.split(',').filter((word) => word !== '');
  // with it the type says nothing: mount(2)
  if (!words.includes('bind') && !words.includes('rbind')) throw refusedKind(type, o);
  if (device === '') throw new VolumeOptionError('missing device in volume options');
  if (!device.startsWith('/')) throw new VolumeOptionError(`device ${quoted(device)} is not an absolute path`);
  const fields: DeviceFields = { device, recursive: words.includes('rbind') };
  const flags: string[] = [];
  for (const word of words) {
    const propagation = PROPAGATIONS.find((name) => name === word);
    if (word === 'ro' || word === 'rw') fields.readonly = word === 'ro';
    else if (propagation !== undefined) fields.propagation = propagation;
    else if (DEVICE_FLAGS.has(word)) flags.push(word);
    else if (word !== 'bind' && word !== 'rbind')
      throw new VolumeOptionError(`${quoted(word)} of the option "o" is nothing that a bind can be told`);
  }
  return flags.length === 0 ? fields : { ...fields, options: flags };
}

/** As Docker's clients would have asked for it. */
export function volumeOptionsOf({ device, ...fields }: DeviceFields): VolumeOptions {
  const { readonly = false, recursive = true, propagation, options = [] } = fields;
  const words = [
    recursive ? 'rbind' : 'bind',
    ...(readonly ? ['ro'] : []),
    ...(propagation ?? '').split(','),
    ...options,
  ];
  return { type: 'none', o: words.filter((word) => word !== '').join(','), device };
}

function checkKeys(options: VolumeOptions): void {
  const unknown = Object.keys(options).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw new VolumeOptionError(`invalid option: ${quoted(unknown)}`);
  for (const [key, others] of NEEDED) {
    const missing = Object.hasOwn(options, key) ? others.find((other) => !Object.hasOwn(options, other)) : undefined;
    if (missing !== undefined) throw new VolumeOptionError(`missing required option: "${missing}"`);
  }
  if (Object.hasOwn(options, 'size')) throw new VolumeOptionError('quota size requested but no quota support');
}

function refusedKind(type: string, o: string): VolumeOptionError {
  if (type === '' || type === 'none' || type === 'bind') {
    return new VolumeOptionError(
      `the option "o" (${quoted(o)}) has no word "bind"`,
      'type=none, o=bind, device=DIRECTORY',
    );
  }
  return new VolumeOptionError(`type ${quoted(type)}: tare mounts no file systems on the host`, INSTEAD);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64).toWellFormed());
}
