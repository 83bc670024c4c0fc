/** Ports as inspect and lists show them: one entry a port and address. */
import type { PublishedPort } from '../../../../shared/api/network.ts';

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface PortShown {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

interface Single {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostAddress: string;
  readonly protocol: string;
}

/** Ranges as their ports; where no address is said, both families'. */
function* singles(ports: readonly PublishedPort[]): Generator<Single> {
  for (const { containerPort, hostPort, count, hostAddress, protocol } of ports) {
    if (hostPort === undefined) continue;
    for (let index = 0; index < count; index++) {
      const single = { containerPort: containerPort + index, hostPort: hostPort + index, protocol };
      for (const address of hostAddress === undefined ? ['0.0.0.0', '::'] : [hostAddress]) {
        yield { ...single, hostAddress: address };
      }
    }
  }
}

/** `NetworkSettings.Ports` of one that runs. `exposed`: "80/tcp". */
export function portMap(ports: readonly PublishedPort[], exposed: readonly string[]): Record<string, Binding[] | null> {
  const shown = new Map<string, Binding[] | null>(exposed.map((port) => [port, null]));
  for (const { containerPort, hostPort, hostAddress, protocol } of singles(ports)) {
    const key = `${String(containerPort)}/${protocol}`;
    shown.set(key, [...(shown.get(key) ?? []), { HostIp: hostAddress, HostPort: String(hostPort) }]);
  }
  return Object.fromEntries(shown);
}

/** `Ports` of a list. */
export function portList(ports: readonly PublishedPort[], exposed: readonly string[]): PortShown[] {
  const shown: PortShown[] = [];
  const published = new Set<string>();
  for (const { containerPort, hostPort, hostAddress, protocol } of singles(ports)) {
    published.add(`${String(containerPort)}/${protocol}`);
    shown.push({ IP: hostAddress, PrivatePort: containerPort, PublicPort: hostPort, Type: protocol });
  }
  for (const port of exposed) {
    if (published.has(port)) continue;
    const [number = '', type = 'tcp'] = port.split('/');
    shown.push({ PrivatePort: Number(number), Type: type });
  }
  return shown;
}
