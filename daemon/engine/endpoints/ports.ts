/** Which ports of the host a container gets: what it publishes, as mappings that no other and no program of the host has. */
import { HostListeners } from '../../network/listeners.ts';
import type { PortBook } from '../../network/ipam/port-book.ts';
import type { Published } from '../../registry/containers.ts';
import type { PortRow } from '../../registry/ports.ts';
import { EngineError } from '../errors.ts';
import { placeText } from './published.ts';

/** Where ports of a container lead to: its address of each family that has the default route. */
export interface PortTargets {
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
}

export interface PortWish {
  readonly container: string;
  readonly publish: readonly Published[];
  readonly targets: PortTargets;
  /** Where what does not say where is published; undefined: at all addresses of both families. */
  readonly publishAddress: string | undefined;
  /** What it has already: the same wish gets the same ports. */
  readonly present?: readonly PortRow[];
}

export interface PortTaking {
  readonly book: PortBook<string>;
  /** Names the container that has a port. */
  readonly nameOf: (container: string) => string;
  readonly listeners?: Pick<HostListeners, 'meeting'>;
}

const EVERYWHERE = ['0.0.0.0', '::'] as const;

/**
 * All of them, those that follow upon each other as one. Nothing is taken: that is takePorts. Throws `port_taken`, which
 * names the port and who has it.
 */
export function portsOf(wish: PortWish, { book, nameOf, listeners = new HostListeners() }: PortTaking): PortRow[] {
  const present = [...(wish.present ?? [])];
  const rows: PortRow[] = [];
  for (const published of wish.publish) {
    const places = placesOf(published, wish);
    if (places.length === 0) continue;
    const hostPort = fixedPort(published) ?? keptPort(published, places, present) ?? choosePort(published, places);
    for (const { hostAddress, containerAddress } of places) {
      const { protocol, count, containerPort } = published;
      rows.push({ protocol, hostAddress, hostPort, count, containerAddress, containerPort, container: wish.container });
    }
  }
  const merged = merge(rows);
  for (const row of merged) refuseTaken(row);
  return merged;

  function choosePort(
    { protocol, count, hostPort: first, hostPortLast: last }: Published,
    places: readonly Place[],
  ): number {
    const addresses = places.map(({ hostAddress }) => hostAddress);
    const isFree = (hostPort: number): boolean =>
      addresses.every((hostAddress) => {
        const place = { protocol, hostAddress, hostPort, count };
        return listeners.meeting(place) === undefined && !rows.some((row) => meet(row, place));
      });
    if (first !== undefined && last !== undefined) return chooseOf({ protocol, first, last }, addresses, isFree);
    const chosen = book.choose(protocol, addresses, count, isFree);
    if (chosen !== undefined) return chosen;
    throw new EngineError('port_taken', `no ${String(count)} consecutive ${protocol} ports of the host are free`);
  }

  function chooseOf(
    {
      protocol,
      first,
      last,
    }: { readonly protocol: PortRow['protocol']; readonly first: number; readonly last: number },
    addresses: readonly string[],
    isFree: (hostPort: number) => boolean,
  ): number {
    for (let hostPort = first; hostPort <= last; hostPort++) {
      const isTaken = addresses.some((hostAddress) => book.conflict({ protocol, hostAddress, hostPort, count: 1 }));
      if (!isTaken && isFree(hostPort)) return hostPort;
    }
    throw new EngineError('port_taken', `every ${protocol} port from ${String(first)} to ${String(last)} is taken`);
  }

  /** What the container itself has is its own to keep. */
  function refuseTaken(row: PortRow): void {
    const other = book.conflict(row);
    if (other !== undefined && other.owner !== wish.container) {
      const port = Math.max(other.range.hostPort, row.hostPort);
      const place = placeText(row.hostAddress, port, row.protocol);
      throw taken(place, `container ${nameOf(other.owner)} publishes it`);
    }
    if (present.some((standing) => covers(standing, row))) return;
    const listener = listeners.meeting(row);
    if (listener === undefined) return;
    const place = placeText(row.hostAddress, listener.port, row.protocol);
    throw taken(place, `a program of the host listens at ${placeText(listener.address, listener.port, row.protocol)}`);
  }
}

function taken(place: string, who: string): EngineError {
  return new EngineError('port_taken', `port ${place} is taken: ${who}`, {
    hint: 'publish at another port, or at an address that is free',
  });
}

interface Place {
  readonly hostAddress: string;
  readonly containerAddress: string;
}

/** One a family that the container can be reached by. */
function placesOf({ hostAddress }: Published, { targets, publishAddress }: PortWish): Place[] {
  const address = hostAddress ?? publishAddress;
  return (address === undefined ? EVERYWHERE : [address]).flatMap((place) => {
    const containerAddress = place.includes(':') ? targets.ipv6 : targets.ipv4;
    return containerAddress === undefined ? [] : [{ hostAddress: place, containerAddress }];
  });
}

function fixedPort({ hostPort, hostPortLast }: Published): number | undefined {
  return hostPortLast === undefined ? hostPort : undefined;
}

/** The port that was chosen for the same wish before. */
function keptPort(
  { protocol, containerPort, count, hostPort: first = 0, hostPortLast: last = Infinity }: Published,
  places: readonly Place[],
  present: readonly PortRow[],
): number | undefined {
  const address = places[0]?.hostAddress;
  const found = present.find(
    (row) =>
      row.protocol === protocol &&
      row.hostAddress === address &&
      row.containerPort <= containerPort &&
      row.containerPort + row.count >= containerPort + count,
  );
  if (found === undefined) return undefined;
  const kept = found.hostPort + containerPort - found.containerPort;
  return kept >= first && kept <= last ? kept : undefined;
}

function meet(a: Pick<PortRow, 'protocol' | 'hostAddress' | 'hostPort' | 'count'>, b: typeof a): boolean {
  return (
    a.protocol === b.protocol &&
    a.hostAddress.includes(':') === b.hostAddress.includes(':') &&
    a.hostPort < b.hostPort + b.count &&
    b.hostPort < a.hostPort + a.count
  );
}

/** Whether all of `row` is published by `standing`, wherever it leads. */
function covers(standing: PortRow, row: PortRow): boolean {
  return (
    standing.protocol === row.protocol &&
    standing.hostAddress === row.hostAddress &&
    standing.hostPort <= row.hostPort &&
    standing.hostPort + standing.count >= row.hostPort + row.count
  );
}

const PROTOCOL_ORDER = { tcp: 0, udp: 1, sctp: 2 } as const;

/** Neighbours that lead to neighbours become one: a thousand ports are one row, not a thousand. */
function merge(rows: readonly PortRow[]): PortRow[] {
  const sorted = [...rows].sort(
    (a, b) =>
      PROTOCOL_ORDER[a.protocol] - PROTOCOL_ORDER[b.protocol] ||
      (a.hostAddress < b.hostAddress ? -1 : Number(a.hostAddress > b.hostAddress)) ||
      a.hostPort - b.hostPort,
  );
  const merged: PortRow[] = [];
  for (const row of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && follows(last, row))
      merged[merged.length - 1] = { ...last, count: last.count + row.count };
    else merged.push(row);
  }
  return merged;
}

function follows(last: PortRow, next: PortRow): boolean {
  return (
    last.protocol === next.protocol &&
    last.hostAddress === next.hostAddress &&
    last.containerAddress === next.containerAddress &&
    last.hostPort + last.count === next.hostPort &&
    last.containerPort + last.count === next.containerPort
  );
}

export function takePorts(book: PortBook<string>, rows: readonly PortRow[]): void {
  for (const row of rows) book.add(row, row.container);
}

export function freePorts(book: PortBook<string>, rows: readonly PortRow[]): void {
  for (const row of rows) book.remove(row);
}
