/** Ports that a container listens on, and those of the host that lead there (go-connections/nat). */
import type { Protocol, Publish } from '../../../../shared/api/network.ts';
import { PROTOCOLS } from '../../../../shared/api/network.ts';
import type { CreateBody } from './create-body.ts';
import { plain, quoted, refuse } from './refuse.ts';

const PORT = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/;
const HIGHEST = 65_535;

interface Ports {
  readonly first: number;
  readonly last: number;
}

/** "80", "8000-8010". Throws DockerError 400. */
function rangeOf(text: string): Ports {
  const [, from, to] = PORT.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to ?? from)];
  if (from === undefined || last > HIGHEST || first > last) refuse(`invalid port specification: ${quoted(text)}`);
  return { first, last };
}

/** "80/tcp"; without a protocol it is tcp. Throws DockerError 400. */
export function portOf(text: string): Ports & { readonly protocol: Protocol } {
  const [port = '', given = 'tcp', more] = text.split('/');
  const protocol = PROTOCOLS.find((known) => known === given.toLowerCase());
  if (more !== undefined || protocol === undefined) refuse(`invalid port specification: ${quoted(text)}`);
  const range = rangeOf(port);
  if (range.first === 0) refuse(`invalid port specification: ${quoted(text)}`);
  return { ...range, protocol };
}

/** "80/tcp" of each; those that are no ports are refused. */
export function exposedOf({ ExposedPorts: exposed = {} }: Pick<CreateBody, 'ExposedPorts'>): string[] {
  const all = Object.keys(exposed).flatMap((text) => {
    const { first, last, protocol } = portOf(text);
    return Array.from({ length: last - first + 1 }, (_none, index) => `${String(first + index)}/${protocol}`);
  });
  return [...new Set(all)];
}

/** Throws DockerError 400. */
export function publishOf({
  HostConfig: { PortBindings: bindings = {} } = {},
}: Pick<CreateBody, 'HostConfig'>): Publish[] {
  return Object.entries(bindings).flatMap(([text, places]) => {
    const { first, last, protocol } = portOf(text);
    if (first !== last) refuse(`invalid port specification: ${quoted(text)}`);
    return places.map(({ HostIp: address = '', HostPort: port = '' }) => ({
      containerPort: first,
      ...hostPortsOf(port),
      ...(address === '' ? {} : { hostAddress: addressOf(address) }),
      protocol,
    }));
  });
}

/** None: any that is free; several: the first of them that is. */
function hostPortsOf(text: string): Pick<Publish, 'hostPort' | 'hostPortLast'> {
  if (text === '' || text === '0') return {};
  const { first, last } = rangeOf(text);
  if (first === 0) refuse(`invalid port specification: ${quoted(text)}`);
  return { hostPort: first, ...(first === last ? {} : { hostPortLast: last }) };
}

function addressOf(text: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  return /^[0-9A-Fa-f:.]{2,45}$/.test(bare) ? bare : refuse(`invalid IP address: ${plain(text)}`);
}
