/**
 * linux.netDevices of the OCI runtime specification 1.3.0 (config-linux.md, "Network Devices"): network devices of the
 * host become the container's. Name, and by the kernel's doing MTU and hardware address, move with the device; permanent
 * addresses of global scope are given to it again; it is set up. At the container's end the kernel takes the namespace
 * apart, hardware goes back to the host's first namespace and virtual devices cease to be: that is left to it.
 */
import { attribute, readText, text, type Attribute } from './rtnetlink/attributes.ts';
import { addAddress, ADDRESS_FLAG, IFA, listAddresses, SCOPE_GLOBAL, type LinkAddress } from './rtnetlink/addresses.ts';
import type { Rtnetlink } from './rtnetlink/connection.ts';
import { findLink, listLinks, moveLink, setLinkUp, type Link } from './rtnetlink/links.ts';
import { openSides, type Side } from './sides.ts';

/** Keys are names on the host; `name` is the one in the container, the same where absent or empty. */
export type NetDevices = Readonly<Record<string, { readonly name?: string }>>;

/** A device that cannot be moved; `message` begins with `field`. */
export class NetDeviceError extends Error {
  override name = 'NetDeviceError';
  /** Such as "linux.netDevices.eth0". */
  readonly field: string;

  constructor(device: string, problem: string, options?: ErrorOptions) {
    super(`linux.netDevices.${device}: ${problem}`, options);
    this.field = `linux.netDevices.${device}`;
  }
}

const AF_INET6 = 10;
const LONGEST_NAME = 15;
/** What may stand once in a new name, for the first number that is free: "eth%d". */
const NUMBER = '%d';
/** What was said of an address when it was set; the other flags tell how it fares. */
const SET_FLAGS =
  ADDRESS_FLAG.noDuplicateDetection |
  ADDRESS_FLAG.optimistic |
  ADDRESS_FLAG.homeAddress |
  ADDRESS_FLAG.manageTemporary |
  ADDRESS_FLAG.noPrefixRoute |
  ADDRESS_FLAG.multicastAutoJoin;
const SET_ATTRIBUTES = new Set<number>([IFA.address, IFA.local, IFA.broadcast, IFA.priority, IFA.protocol]);

/** As the kernel has it, dev_valid_name() of net/core/dev.c. */
function isDeviceName(name: string): boolean {
  const size = Buffer.byteLength(name);
  return size > 0 && size <= LONGEST_NAME && name !== '.' && name !== '..' && !/[/:%\s\0]/.test(name);
}

interface Move {
  readonly device: string;
  readonly link: Link;
  readonly name: string;
  readonly addresses: readonly LinkAddress[];
}

/** `taken`: the names in the container. */
function newName(device: string, wanted: string, taken: ReadonlySet<string>): string {
  if (!wanted.includes(NUMBER)) {
    if (!isDeviceName(wanted)) throw new NetDeviceError(device, `${JSON.stringify(wanted)} is not a name for a device`);
    if (taken.has(wanted)) throw new NetDeviceError(device, `the container has a device ${wanted} already`);
    return wanted;
  }
  // As many are taken as there are names in `taken`; one number more is free.
  for (let number = 0; number <= taken.size; number++) {
    const name = wanted.replace(NUMBER, String(number));
    if (!isDeviceName(name)) break;
    if (!taken.has(name)) return name;
  }
  throw new NetDeviceError(device, `${JSON.stringify(wanted)} does not make a name for a device`);
}

/** Looks at everything before anything is moved. */
function planMoves(devices: NetDevices, here: Rtnetlink, there: Rtnetlink): Move[] {
  const taken = new Set(listLinks(there).map(({ name }) => name));
  return Object.entries(devices).map(([device, { name }]) => {
    if (!isDeviceName(device)) throw new NetDeviceError(device, 'this is not the name of a device');
    const link = findLink(here, device);
    if (link === undefined) throw new NetDeviceError(device, 'the host has no such device');
    const chosen = newName(device, name === undefined || name === '' ? device : name, taken);
    taken.add(chosen);
    return { device, link, name: chosen, addresses: keptAddresses(here, link) };
  });
}

/** What a device is given again where it has moved to. Throws NetlinkError. */
export function keptAddresses(connection: Rtnetlink, link: Link): LinkAddress[] {
  return listAddresses(connection, link).filter(
    ({ scope, flags }) => scope === SCOPE_GLOBAL && (flags & ADDRESS_FLAG.permanent) !== 0,
  );
}

/** An alias such as "eth0:web" keeps its end. */
function renamedLabel(label: string, before: string, name: string): string {
  const renamed = label.startsWith(`${before}:`) ? name + label.slice(before.length) : name;
  return Buffer.byteLength(renamed) <= LONGEST_NAME ? renamed : name;
}

/** The address as it is to be set on the link `index`, which the host knows as `before` and which is `name` now. */
export function restored(address: LinkAddress, index: number, before: string, name: string): LinkAddress {
  const attributes: Attribute[] = address.attributes.filter(({ type }) => SET_ATTRIBUTES.has(type));
  const label = attribute(address.attributes, IFA.label);
  if (label !== undefined)
    attributes.push({ type: IFA.label, value: text(renamedLabel(readText(label), before, name)) });
  // That nobody else on the wire has it has been found out already; the container need not wait for it again.
  const isProven =
    address.family === AF_INET6 && (address.flags & (ADDRESS_FLAG.tentative | ADDRESS_FLAG.duplicate)) === 0;
  const flags = (address.flags & SET_FLAGS) | (isProven ? ADDRESS_FLAG.noDuplicateDetection : 0);
  return { ...address, link: index, flags, attributes };
}

/** Moves `link`, which is `move.link` here or on its way back. */
function carry(from: Side, to: Side, link: Link, name: string, move: Move, up: boolean): void {
  moveLink(from.connection, link, to.namespace, name);
  const moved = findLink(to.connection, name);
  if (moved === undefined) throw new Error(`the device has not arrived as ${name}`);
  for (const address of move.addresses) {
    addAddress(to.connection, restored(address, moved.index, move.link.name, name));
  }
  if (up) setLinkUp(to.connection, moved);
}

/** Gives back what was moved, as it was. What fails is returned. */
function giveBack(moves: readonly Move[], host: Side, container: Side): unknown[] {
  const failures: unknown[] = [];
  for (const move of moves) {
    const { link, name } = move;
    try {
      if (findLink(host.connection, link.name) !== undefined) continue;
      // By its old name where the kernel moved it and could not rename it.
      const moved = findLink(container.connection, name) ?? findLink(container.connection, link.name);
      if (moved !== undefined) carry(container, host, moved, link.name, move, link.isUp);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

function moveAll(moves: readonly Move[], host: Side, container: Side): void {
  for (const [index, move] of moves.entries()) {
    try {
      carry(host, container, move.link, move.name, move, true);
    } catch (cause) {
      const failures = giveBack(moves.slice(0, index + 1).toReversed(), host, container);
      const words = [cause, ...failures].map((error) => (error instanceof Error ? error.message : String(error)));
      throw new NetDeviceError(move.device, words.join('; and when it was to be given back: '), { cause });
    }
  }
}

/**
 * Moves `devices` into the network namespace of the process `pid`, which must be another than this process's: all of
 * them, or none where one cannot be moved. Throws NetDeviceError, or SystemError where there is no such process.
 */
export function moveNetDevices(devices: NetDevices, pid: number): void {
  const [first] = Object.keys(devices);
  if (first === undefined) return;
  const { host, container, isOne, close } = openSides(pid);
  try {
    if (isOne) throw new NetDeviceError(first, 'the container has no network namespace of its own');
    moveAll(planMoves(devices, host.connection, container.connection), host, container);
  } finally {
    close();
  }
}
