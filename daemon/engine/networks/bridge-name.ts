/** What a network's bridge is called on the host. */
import { EngineError } from '../errors.ts';
import type { NetworkContext } from './context.ts';

/** IFNAMSIZ with its NUL: linux/if.h. */
const LONGEST = 15;
/** Directories of /proc/sys/net/ipv4/conf that are no interface's; the kernel refuses interfaces of their names. */
const NOT_INTERFACES = new Set(['all', 'default']);

/** Veths of endpoints begin so. */
export function vethPrefix(tag: string): string {
  return `tv${tag}`;
}

/** Bridges whose name nobody asked for begin so, and a number follows. */
export function bridgePrefix(tag: string): string {
  return `tare-${tag}-`;
}

/** The one asked for, or the one with the least number that is free. Throws `invalid_field`, `name_taken`. */
export function chooseBridge(context: NetworkContext, asked: string | undefined): string {
  const owners = new Map(context.networks.reserved().map(({ row, name }) => [row.bridge, name]));
  if (asked !== undefined) {
    checkBridge(context, asked, owners.get(asked));
    return asked;
  }
  const prefix = bridgePrefix(context.places.networkTag);
  for (let number = 0; ; number++) {
    const name = `${prefix}${number}`;
    if (!owners.has(name) && !context.network.hasInterface(name)) return name;
  }
}

function checkBridge(context: NetworkContext, asked: string, owner: string | undefined): void {
  const field = 'bridge';
  const refuse = (code: 'invalid_field' | 'name_taken', words: string) =>
    new EngineError(code, `bridge: "${asked}" ${words}`, { field });
  if (Buffer.byteLength(asked) > LONGEST) throw refuse('invalid_field', `has more than ${LONGEST} bytes`);
  if (NOT_INTERFACES.has(asked)) throw refuse('invalid_field', 'is no name that the kernel gives an interface');
  if (asked.startsWith(vethPrefix(context.places.networkTag))) {
    throw refuse('invalid_field', 'begins as the names of interfaces of containers do');
  }
  if (owner !== undefined) throw refuse('name_taken', `is the bridge of network ${owner}`);
  if (context.network.hasInterface(asked)) throw refuse('name_taken', 'is an interface of the host already');
}
