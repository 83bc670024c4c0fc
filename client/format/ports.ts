/** Published ports as docker shows them. */
import type { Protocol, PublishedPort } from '../../shared/api/network.ts';

/** Consecutive ports of one address. */
interface Run {
  /** As it stands before a port: "0.0.0.0", "[::]". */
  readonly address: string;
  readonly hostPort: number | undefined;
  readonly containerPort: number;
  readonly protocol: Protocol;
  readonly count: number;
}

/** "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"; what follows on each other is one range. */
export function portsText(ports: readonly PublishedPort[]): string {
  return joined(runsOf(ports)).map(runText).join(', ');
}

export interface PortLine {
  /** "80/tcp" */
  readonly container: string;
  /** "0.0.0.0:8080" */
  readonly host: string;
}

/** One for each port and address of the host, as `docker port` lists them. */
export function portLines(ports: readonly PublishedPort[]): PortLine[] {
  return runsOf(ports)
    .flatMap(({ address, hostPort, containerPort, protocol, count }) =>
      hostPort === undefined
        ? []
        : Array.from({ length: count }, (_, index) => ({
            port: containerPort + index,
            container: `${String(containerPort + index)}/${protocol}`,
            host: `${address}:${String(hostPort + index)}`,
          })),
    )
    .toSorted((a, b) => a.port - b.port)
    .map(({ container, host }) => ({ container, host }));
}

/** In order of the container's ports; a port without an address is one of all addresses of both families. */
function runsOf(ports: readonly PublishedPort[]): readonly Run[] {
  return ports
    .flatMap(({ hostAddress, hostPort, containerPort, protocol, count }) =>
      (hostAddress === undefined ? ['0.0.0.0', '::'] : [hostAddress]).map((address) => ({
        address: address.includes(':') ? `[${address}]` : address,
        hostPort,
        containerPort,
        protocol,
        count,
      })),
    )
    .toSorted(
      (a, b) =>
        a.containerPort - b.containerPort ||
        compare(a.protocol, b.protocol) ||
        Number(a.address.startsWith('[')) - Number(b.address.startsWith('[')) ||
        compare(a.address, b.address) ||
        (a.hostPort ?? 0) - (b.hostPort ?? 0),
    );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function joined(runs: readonly Run[]): readonly Run[] {
  const done: Run[] = [];
  for (const run of runs) {
    const before = done.findIndex((other) => continues(other, run));
    const other = done[before];
    if (other === undefined) done.push(run);
    else done[before] = { ...other, count: other.count + run.count };
  }
  return done;
}

function continues(before: Run, run: Run): boolean {
  return (
    before.address === run.address &&
    before.protocol === run.protocol &&
    before.containerPort + before.count === run.containerPort &&
    (before.hostPort === undefined) === (run.hostPort === undefined) &&
    (before.hostPort ?? 0) + (run.hostPort === undefined ? 0 : before.count) === (run.hostPort ?? 0)
  );
}

function runText({ address, hostPort, containerPort, protocol, count }: Run): string {
  const inside = `${rangeText(containerPort, count)}/${protocol}`;
  return hostPort === undefined ? inside : `${address}:${rangeText(hostPort, count)}->${inside}`;
}

function rangeText(first: number, count: number): string {
  return count === 1 ? String(first) : `${String(first)}-${String(first + count - 1)}`;
}
