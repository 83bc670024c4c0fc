/** Interfaces that somebody puts together for a container: made in its namespace, or in the host's and moved. */
import type { Interface } from '../../../shared/api/network.ts';
import { parseAddress, parseCidr } from '../address.ts';
import { keptAddresses, restored } from '../net-devices.ts';
import { globalAddress, newAddress, type LinkAddress } from '../rtnetlink/addresses.ts';
import { NetlinkError, type Change, type Rtnetlink } from '../rtnetlink/connection.ts';
import { MACVLAN_MODE } from '../rtnetlink/kinds/macvlan.ts';
import { KINDS, type Kind } from '../rtnetlink/kinds.ts';
import type { LinkInfo, LinkKind, LinkSpec } from '../rtnetlink/link-info.ts';
import { changeLink, deleteLink, findLink, linkMove, newLink, type Link } from '../rtnetlink/links.ts';
import { newRoute, routeTo } from '../rtnetlink/routes.ts';
import { openSides, type Side, type Sides as OpenSides } from '../sides.ts';

/** `message` begins with `field`, such as "interfaces[0].add", and has the kernel's own words where it refused. */
export class InterfaceError extends Error {
  override name = 'InterfaceError';
  readonly field: string;

  constructor(field: string, problem: string, options?: ErrorOptions) {
    super(`${field}: ${problem}`, options);
    this.field = field;
  }
}

type Sides = Pick<OpenSides, 'host' | 'container'>;

/** Takes back one interface. */
type Undo = () => Promise<void>;

/** What `add` is on its own; by name alone where it is none that we know. */
function kindOf(add: string): LinkKind {
  // The kernel's default, vepa, needs a switch that sends back what it gets.
  if (add === 'macvlan') return { kind: add, data: { mode: MACVLAN_MODE.bridge } };
  return Object.hasOwn(KINDS, add) ? { kind: add as Kind } : { kind: 'other', name: add };
}

/** A link of these is on another one; every other kind but veth has no peer. */
const ON_ANOTHER: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'vlan', 'vxlan']);

function specOf(item: Interface & { add: string }, field: string, host: Rtnetlink): LinkSpec {
  const { name, add, peer } = item;
  if (peer === undefined) return { settings: { name }, info: { link: kindOf(add) } };
  if (!ON_ANOTHER.has(add)) throw new InterfaceError(`${field}.peer`, `a link of the kind ${add} has none`);
  const below = findLink(host, peer);
  if (below === undefined) throw new InterfaceError(`${field}.peer`, `the host has no interface ${peer}`);
  const info: LinkInfo = {
    link: add === 'vxlan' ? { kind: 'vxlan', data: { link: below.index } } : kindOf(add),
  };
  return { settings: { name, parent: below.index }, info };
}

/** The pair is made from the host's end: the other end is born in the container, or here where it is to be moved. */
function vethOf({ name, peer }: Interface, born: number | undefined): LinkSpec {
  const inner: LinkSpec = { settings: { name, ...(born !== undefined && { namespace: born }) } };
  return { settings: peer === undefined ? {} : { name: peer }, info: { link: { kind: 'veth', peer: inner } } };
}

/** Which part of the interface a kernel's refusal is about: that a name is taken is told of no other. */
function refused(field: string, part: string, error: unknown): InterfaceError {
  if (error instanceof InterfaceError) return error;
  if (!(error instanceof NetlinkError)) return new InterfaceError(field, String(error), { cause: error });
  const words = error.words === undefined ? error.code : `${error.words} (${error.code})`;
  return new InterfaceError(`${field}.${part}`, words, { cause: error });
}

async function remove(connection: Rtnetlink, name: string): Promise<void> {
  if (findLink(connection, name) !== undefined) await connection.batchOnThread([deleteLink({ name })]);
}

/** Makes it where it is to be born. */
async function make(item: Interface & { add: string }, field: string, { host, container }: Sides): Promise<Undo> {
  const { name, add, createInRoot = false } = item;
  const born = createInRoot ? undefined : container.namespace;
  let spec: LinkSpec;
  if (add === 'veth') spec = vethOf(item, born);
  else {
    const { settings, info } = specOf(item, field, host.connection);
    spec = { settings: { ...settings, ...(born !== undefined && { namespace: born }) }, ...(info && { info }) };
  }
  try {
    await host.connection.batchOnThread([newLink(spec)]);
  } catch (error) {
    throw refused(field, error instanceof NetlinkError && error.code === 'EEXIST' ? 'name' : 'add', error);
  }
  const undo = (): Promise<void> => remove((createInRoot ? host : container).connection, name);
  if (!createInRoot) return undo;
  try {
    await move(name, host, container);
    return () => remove(container.connection, name);
  } catch (error) {
    await undo();
    // Some stay where they were made: bridges, for one.
    throw refused(field, 'createInRoot', error);
  }
}

async function move(name: string, from: Side, to: Side): Promise<void> {
  const link = findLink(from.connection, name);
  if (link === undefined) throw new Error(`the interface ${name} is gone`);
  await from.connection.batchOnThread([linkMove(link, to.namespace, name)]);
}

/** An interface of the host goes with its permanent addresses, and comes back with them. */
async function bring({ name }: Interface, field: string, { host, container }: Sides): Promise<Undo> {
  const link = findLink(host.connection, name);
  if (link === undefined) throw new InterfaceError(`${field}.name`, `the host has no interface ${name}`);
  const addresses = keptAddresses(host.connection, link);
  const back = async (): Promise<void> => {
    if (findLink(host.connection, name) !== undefined) return;
    await move(name, container, host);
    restore(host.connection, link, addresses, link.isUp);
  };
  try {
    await move(name, host, container);
    restore(container.connection, link, addresses, true);
    return back;
  } catch (error) {
    await back();
    throw refused(field, 'name', error);
  }
}

function restore(connection: Rtnetlink, { name }: Link, addresses: readonly LinkAddress[], isUp: boolean): void {
  const { index } = findLink(connection, name) ?? { index: 0 };
  const up = isUp ? [changeLink({ index, isUp, settings: {} }, `set ${name} up: the link`)] : [];
  connection.batch([...addresses.map((address) => newAddress(restored(address, index, name, name))), ...up]);
}

/** Up, with its addresses and routes; each refusal is one field's. */
function settle({ name, addresses = [], routes = [] }: Interface, field: string, container: Rtnetlink): void {
  const link = findLink(container, name);
  if (link === undefined) throw new InterfaceError(`${field}.name`, `the interface ${name} is not in the container`);
  const steps: { part: string; change: Change }[] = [
    { part: 'name', change: changeLink({ index: link.index, isUp: true, settings: {} }) },
  ];
  for (const [at, cidr] of addresses.entries()) {
    const part = `addresses[${at}]`;
    if (parseCidr(cidr) === undefined) throw new InterfaceError(`${field}.${part}`, `${cidr} is no address`);
    steps.push({ part, change: newAddress(globalAddress(link.index, cidr)) });
  }
  for (const [at, { destination, gateway: text }] of routes.entries()) {
    const part = `routes[${at}]`;
    const prefix = parseCidr(destination)?.prefix;
    if (prefix === undefined) throw new InterfaceError(`${field}.${part}.destination`, `${destination} is no subnet`);
    const gateway = text === undefined ? undefined : parseAddress(text);
    if (text !== undefined && gateway?.family !== prefix.family) {
      throw new InterfaceError(`${field}.${part}.gateway`, `${text} is no address of IPv${prefix.family}`);
    }
    const change = newRoute(routeTo(prefix, link.index, gateway === undefined ? {} : { gateway }));
    steps.push({ part: text === undefined ? `${part}.destination` : `${part}.gateway`, change });
  }
  try {
    container.batch(steps.map(({ change }) => change));
  } catch (error) {
    const at = error instanceof NetlinkError ? error.index : undefined;
    throw refused(field, steps[at ?? 0]?.part ?? 'name', error);
  }
}

/** What is to be thrown for `cause`: with it, what could not be undone. */
async function undone(undo: readonly Undo[], cause: unknown): Promise<unknown> {
  const failures: string[] = [];
  for (const step of undo.toReversed()) {
    await step().catch((error: unknown) => failures.push(String(error)));
  }
  if (failures.length === 0 || !(cause instanceof InterfaceError)) return cause;
  const problem = [cause.message.slice(cause.field.length + 2), ...failures].join('; and when it was to be undone: ');
  return new InterfaceError(cause.field, problem, { cause });
}

async function makeAll(interfaces: readonly Interface[], sides: Sides): Promise<void> {
  const undo: Undo[] = [];
  try {
    for (const [at, item] of interfaces.entries()) {
      const field = `interfaces[${at}]`;
      const { add } = item;
      if (findLink(sides.container.connection, item.name) !== undefined) {
        throw new InterfaceError(`${field}.name`, `the container has an interface ${item.name} already`);
      }
      undo.push(await (add === undefined ? bring(item, field, sides) : make({ ...item, add }, field, sides)));
      settle(item, field, sides.container.connection);
    }
  } catch (error) {
    throw await undone(undo, error);
  }
}

/**
 * Gives the network namespace of the process `pid`, which must be another than this process's, its interfaces: all of
 * them, up and with addresses and routes, or none. What takes the kernel long is done on a thread.
 *
 * @throws InterfaceError by field; SystemError where there is no such process
 */
export async function makeInterfaces(interfaces: readonly Interface[], pid: number): Promise<void> {
  if (interfaces.length === 0) return;
  const { host, container, isOne, close } = openSides(pid);
  try {
    if (isOne) throw new InterfaceError('interfaces', 'the container has no network namespace of its own');
    await makeAll(interfaces, { host, container });
  } finally {
    close();
  }
}
