/** `--volume`, `--mount`, `--tmpfs` and `--device` as the API's mounts and devices. */
import { resolve } from 'node:path';
import type { Static } from '@sinclair/typebox';
import type { Device as DeviceSchema, Mount } from '../../shared/api/container.ts';
import { UsageError } from '../errors.ts';
import { parseFields } from '../fields.ts';

type Device = Static<typeof DeviceSchema>;

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'] as const;
type Propagation = (typeof PROPAGATIONS)[number];

function propagationOf(text: string): Propagation | undefined {
  return PROPAGATIONS.find((name) => name === text);
}

/** "DIR:TARGET[:OPTIONS]". A source that is no path would be a named volume. */
export function parseVolume(text: string): Mount {
  const [source = '', target, options, ...more] = text.split(':');
  if (target === undefined) {
    throw new UsageError(`--volume "${text}" names no target`, {
      hint: 'volumes without a source are not part of this release',
    });
  }
  if (more.length > 0)
    throw new UsageError(`--volume "${text}" has too many colons`, { hint: 'use --mount for such paths' });
  if (!/^([/~]|[.]{1,2}(\/|$))/.test(source)) {
    throw new UsageError(`--volume "${text}": "${source}" is not a path`, {
      hint: 'named volumes are not part of this release; write ./ before a relative path',
    });
  }
  const mount: Mount = { type: 'bind', source: resolve(source), target };
  for (const option of options?.split(',') ?? []) {
    const propagation = propagationOf(option);
    if (option === 'ro') mount.readonly = true;
    else if (option === 'rw') mount.readonly = false;
    else if (option === 'bind') mount.recursive = false;
    else if (option === 'rbind') mount.recursive = true;
    else if (propagation !== undefined) mount.propagation = propagation;
    else if (['nosuid', 'suid', 'nodev', 'dev', 'noexec', 'exec'].includes(option)) (mount.options ??= []).push(option);
    else if (option === 'z' || option === 'Z')
      throw new UsageError(`--volume option "${option}" is not supported: there is no SELinux labelling`);
    else throw new UsageError(`--volume "${text}": unknown option "${option}"`);
  }
  return mount;
}

/** "TARGET[:OPTIONS]" */
export function parseTmpfs(text: string): Mount {
  const colon = text.indexOf(':');
  const mount: Mount = { type: 'tmpfs', target: colon === -1 ? text : text.slice(0, colon) };
  const options = colon === -1 ? [] : text.slice(colon + 1).split(',');
  for (const option of options.filter((word) => word !== '')) {
    if (option.startsWith('size=')) mount.size = option.slice('size='.length);
    else if (option.startsWith('mode=')) mount.mode = modeOf(option.slice('mode='.length));
    else if (option === 'ro') mount.readonly = true;
    else if (option === 'rw') mount.readonly = false;
    else (mount.options ??= []).push(option);
  }
  return mount;
}

/** The API takes "755" and "1777"; a leading zero is how C writes octal. */
function modeOf(text: string): string {
  return /^0[0-7]{4}$/.test(text) ? text.slice(1) : text;
}

/** "type=bind,source=DIR,target=DIR,readonly,…" with docker's keys and their short forms. */
export function parseMount(text: string): Mount {
  let type: string | undefined;
  let target: string | undefined;
  const rest: Partial<Mount> = {};
  for (const { key, value } of parseFields(text, '--mount')) {
    if (key === 'type') type = value;
    else if (['target', 'dst', 'destination'].includes(key)) target = value;
    else setMountField(rest, key, value, text);
  }
  if (type === undefined) throw new UsageError(`--mount "${text}" has no type`, { hint: 'type=bind or type=tmpfs' });
  if (type !== 'bind' && type !== 'tmpfs') {
    throw new UsageError(`--mount "${text}": type ${type} is not supported`, { hint: 'there are bind and tmpfs' });
  }
  if (target === undefined) throw new UsageError(`--mount "${text}" has no target`);
  if (type === 'bind' && rest.source === undefined) throw new UsageError(`--mount "${text}" has no source`);
  if (type === 'tmpfs' && rest.source !== undefined) throw new UsageError(`--mount "${text}": a tmpfs has no source`);
  return { type, target, ...rest };
}

function setMountField(mount: Partial<Mount>, key: string, value: string | undefined, text: string): void {
  const bad = (): UsageError => new UsageError(`--mount "${text}": "${key}" cannot be ${value ?? 'without a value'}`);
  const needed = (): string => {
    if (value === undefined || value === '') throw bad();
    return value;
  };
  const truth = (): boolean => {
    if (value === undefined || value === 'true' || value === '1') return true;
    if (value === 'false' || value === '0') return false;
    throw bad();
  };
  switch (key) {
    case 'source':
    case 'src':
      mount.source = resolve(needed());
      return;
    case 'readonly':
    case 'ro':
      mount.readonly = truth();
      return;
    case 'bind-propagation': {
      const propagation = propagationOf(needed());
      if (propagation === undefined) throw bad();
      mount.propagation = propagation;
      return;
    }
    case 'bind-nonrecursive':
      mount.recursive = !truth();
      return;
    case 'tmpfs-size':
      mount.size = needed();
      return;
    case 'tmpfs-mode':
      mount.mode = modeOf(needed());
      return;
    default:
      throw new UsageError(`--mount "${text}": unknown key "${key}"`);
  }
}

/** "NODE[:TARGET[:rwm]]", or "NODE:rwm". */
export function parseDevice(text: string): Device {
  const [source = '', second, third, ...more] = text.split(':');
  if (more.length > 0 || !source.startsWith('/')) throw new UsageError(`--device "${text}" is not NODE[:TARGET[:rwm]]`);
  const device: Device = { source };
  const permissions = third ?? (second !== undefined && /^[rwm]{1,3}$/.test(second) ? second : undefined);
  if (second !== undefined && second !== permissions) device.target = second;
  if (permissions !== undefined) device.permissions = permissions;
  return device;
}
