/** Devices of a request: nodes of the host that the container is given, and rules for those that it makes itself. */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import type { CreateRequest } from '../../shared/api/container.ts';
import type { Device, DeviceRule } from '../runtime/spec/types.ts';
import { EngineError } from './errors.ts';

type Asked = NonNullable<CreateRequest['devices']>[number];

export interface GivenDevice {
  readonly device: Device;
  readonly rule: DeviceRule;
}

/** Of a directory: /dev/snd, /dev/bus/usb; the whole of /dev is a privileged container's. */
const MOST_NODES = 1024;
const DEEPEST = 8;

/** A directory gives all devices in it and below. Throws `invalid_field`. */
export function devicesOf(request: CreateRequest): GivenDevice[] {
  return (request.devices ?? []).flatMap((asked, index) => {
    const field = `devices[${String(index)}].source`;
    const node = statSync(asked.source, { throwIfNoEntry: false });
    if (node === undefined) throw invalid(field, `${asked.source} does not exist`);
    if (!node.isDirectory()) return [deviceOf(asked, node, field)];
    const found = below(asked, 0);
    if (found.length === 0) throw invalid(field, `no device lies in ${asked.source}`);
    if (found.length > MOST_NODES)
      throw invalid(field, `more than ${String(MOST_NODES)} devices lie in ${asked.source}`);
    return found.map((each) => deviceOf(each, statSync(each.source), field));
  });
}

/** Links are left out, and so is what is no device. */
function below(asked: Asked, depth: number): Asked[] {
  if (depth > DEEPEST) return [];
  const { source, target = source } = asked;
  const inside = (name: string): Asked => ({ ...asked, source: `${source}/${name}`, target: posix.join(target, name) });
  const found: Asked[] = [];
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (entry.isCharacterDevice() || entry.isBlockDevice()) found.push(inside(entry.name));
    else if (entry.isDirectory()) found.push(...below(inside(entry.name), depth + 1));
    if (found.length > MOST_NODES) break;
  }
  return found;
}

function deviceOf(asked: Asked, node: Stats, field: string): GivenDevice {
  if (!node.isCharacterDevice() && !node.isBlockDevice()) throw invalid(field, `${asked.source} is not a device`);
  const type = node.isBlockDevice() ? 'b' : 'c';
  const { major, minor } = deviceNumbers(node.rdev);
  const { mode, uid, gid } = node;
  return {
    device: { path: asked.target ?? asked.source, type, major, minor, fileMode: mode & 0o777, uid, gid },
    rule: { allow: true, type, major, minor, access: asked.permissions ?? 'rwm' },
  };
}

/** makedev(3): 12 bits of the major in 19–8, 20 of the minor in 7–0 and 31–20. */
export function deviceNumbers(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

const LAST_NUMBER = 0xffff_ffff;

/** "c 10:200 rwm", "b *:* r". Throws `invalid_field`. */
export function deviceRulesOf(request: CreateRequest): DeviceRule[] {
  return (request.deviceRules ?? []).map((text, index) => {
    const field = `deviceRules[${String(index)}]`;
    const [, type = '', major = '', minor = '', access = ''] = /^([acb]) (\S+):(\S+) ([rwm]+)$/.exec(text) ?? [];
    if (new Set(access).size !== access.length) throw invalid(field, `"${text}" has a letter twice`);
    const numbers = { ...numberOf('major', major, field), ...numberOf('minor', minor, field) };
    return { allow: true, type, ...numbers, access };
  });
}

/** "*" is any. */
function numberOf(name: 'major' | 'minor', text: string, field: string): { major?: number; minor?: number } {
  if (text === '*') return {};
  if (Number(text) > LAST_NUMBER) throw invalid(field, `${text} is no number of a device`);
  return { [name]: Number(text) };
}

/** Drivers and libraries of GPUs are put into containers by programs that the daemon does not run. Throws `unsupported`. */
export function refuseGpus({ gpus }: CreateRequest): void {
  if (gpus === undefined) return;
  throw new EngineError('unsupported', 'gpus: GPUs cannot be given to containers here', {
    field: 'gpus',
    hint: 'name the device nodes by devices, and mount the libraries of the driver',
  });
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
