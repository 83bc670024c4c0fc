/** `--volume`, `--tmpfs` and `--device` as the API's mounts and devices. */
import { resolve } from 'node:path';
import type { Static } from '@sinclair/typebox';
import type { Device as DeviceSchema, Mount } from '../../shared/api/container.ts';
import { UsageError } from '../errors.ts';

type Device = Static<typeof DeviceSchema>;

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'] as const;
export type Propagation = (typeof PROPAGATIONS)[number];

export function propagationOf(text: string): Propagation | undefined {
  return PROPAGATIONS.find((name) => name === text);
}

/** "[NAME|DIR:]TARGET[:OPTIONS]": a source that is no path is the name of a volume, and without one it is anonymous. */
export function parseVolume(text: string): Mount {
  const parts = text.split(':');
  if (parts.length > 3)
    throw new UsageError(`--volume "${text}" has too many colons`, { hint: 'use --mount for such paths' });
  const [first = '', second, options] = parts;
  if (second === undefined) return { type: 'volume', target: first };
  if (first === '' || second === '')
    throw new UsageError(`--volume "${text}" names no ${first === '' ? 'source' : 'target'}`);
  const isPath = /^([/~]|[.]{1,2}(\/|$))/.test(first);
  if (!isPath && first.includes('/')) {
    throw new UsageError(`--volume "${text}": "${first}" is neither a path nor the name of a volume`, {
      hint: 'write ./ before a relative path',
    });
  }
  const mount: Mount = isPath
    ? { type: 'bind', source: resolve(first), target: second }
    : { type: 'volume', source: first, target: second };
  for (const option of options?.split(',') ?? []) setVolumeOption(mount, option, text);
  return mount;
}

function setVolumeOption(mount: Mount, option: string, text: string): void {
  const propagation = propagationOf(option);
  if (option === 'ro') mount.readonly = true;
  else if (option === 'rw') mount.readonly = false;
  else if (option === 'idmap') mount.idmap = true;
  else if (option === 'nocopy' && mount.type === 'volume') mount.noCopy = true;
  else if (option === 'bind' && mount.type === 'bind') mount.recursive = false;
  else if (option === 'rbind' && mount.type === 'bind') mount.recursive = true;
  else if (propagation !== undefined && mount.type === 'bind') mount.propagation = propagation;
  else if (['nosuid', 'suid', 'nodev', 'dev', 'noexec', 'exec'].includes(option)) (mount.options ??= []).push(option);
  else if (option === 'z' || option === 'Z')
    throw new UsageError(`--volume option "${option}" is not supported: there is no SELinux labelling`);
  else throw new UsageError(`--volume "${text}": unknown option "${option}" of a ${mount.type}`);
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
export function modeOf(text: string): string {
  return /^0[0-7]{4}$/.test(text) ? text.slice(1) : text;
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
