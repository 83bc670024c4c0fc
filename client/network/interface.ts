/** `--interface` and `--pin-namespace`: for those who assemble a container's network themselves. */
import { resolve } from 'node:path';
import type { Interface, PinNamespaces } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';
import { parseFields } from '../fields.ts';

type Route = NonNullable<Interface['routes']>[number];

/** "name=eth1,add=veth,peer=v1,address=10.0.0.2/24,route=default@10.0.0.1"; address and route may be repeated. */
export function parseInterface(text: string): Interface {
  const made: Interface = { name: '' };
  for (const { key, value } of parseFields(text, '--interface')) {
    if (key === 'create-in-root') {
      made.createInRoot = truth(value, text);
      continue;
    }
    if (value === undefined || value === '') throw new UsageError(`--interface "${text}": "${key}" has no value`);
    if (key === 'address') (made.addresses ??= []).push(value);
    else if (key === 'route') (made.routes ??= []).push(routeOf(value, text));
    else if (key === 'name' || key === 'add' || key === 'peer') made[key] = value;
    else
      throw new UsageError(`--interface "${text}": unknown key "${key}"`, {
        hint: 'keys are name, add, peer, create-in-root, address and route',
      });
  }
  if (made.name === '') throw new UsageError(`--interface "${text}" has no name`);
  return made;
}

function truth(value: string | undefined, text: string): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new UsageError(`--interface "${text}": "create-in-root" is true or false, not "${value}"`);
}

/** "DESTINATION[@GATEWAY]"; "default" is everything of the gateway's family. */
function routeOf(value: string, text: string): Route {
  const at = value.indexOf('@');
  const destination = at === -1 ? value : value.slice(0, at);
  const gateway = at === -1 ? undefined : value.slice(at + 1);
  if (destination === '' || gateway === '')
    throw new UsageError(`--interface "${text}": a route is DESTINATION[@GATEWAY]`);
  if (destination !== 'default') return { destination, ...(gateway === undefined ? {} : { gateway }) };
  if (gateway === undefined) {
    throw new UsageError(`--interface "${text}": the default route has no gateway`, {
      hint: 'without one, write 0.0.0.0/0 or ::/0',
    });
  }
  return { destination: gateway.includes(':') ? '::/0' : '0.0.0.0/0', gateway };
}

const KINDS: readonly (keyof PinNamespaces)[] = ['net', 'mnt', 'pid', 'ipc', 'uts', 'user', 'cgroup'];

/** "KIND=PATH" each, KIND once. */
export function pinsOf(words: readonly string[]): PinNamespaces {
  const pins: PinNamespaces = {};
  for (const word of words) {
    const [, name = '', path = ''] = /^([a-z]+)=(.+)$/s.exec(word) ?? [];
    const kind = KINDS.find((one) => one === name);
    if (kind === undefined) {
      throw new UsageError(`--pin-namespace "${word}" is not KIND=PATH`, { hint: `kinds are ${KINDS.join(', ')}` });
    }
    if (pins[kind] !== undefined) throw new UsageError(`--pin-namespace ${kind} is given twice`);
    pins[kind] = resolve(path);
  }
  return pins;
}
