/** Ports that a container listens on, as its image and its request say, and what becomes of them where all are published. */
import type { CreateRequest } from '../../../shared/api/container.ts';
import { PROTOCOLS, type Publish } from '../../../shared/api/network.ts';

const PORT = /^([0-9]{1,5})\/([a-z]+)$/;
const HIGHEST = 65_535;

/** `ofImage`: what a stranger wrote; of that, what is no port counts for nothing. */
export function exposedPorts(request: CreateRequest, ofImage: readonly string[] = []): string[] {
  return [...new Set([...ofImage, ...(request.network?.expose ?? [])])];
}

/** With every exposed port published that is not yet, each at a port that is chosen at start. */
export function withAllPublished(request: CreateRequest, ofImage: readonly string[] = []): CreateRequest {
  const { network } = request;
  if (network?.publishAll !== true) return request;
  const asked = network.publish ?? [];
  const ports = exposedPorts(request, ofImage)
    .flatMap(portOf)
    .filter((port) => !asked.some((publish) => reaches(publish, port)));
  const publish = [...asked, ...ports];
  return publish.length === 0 ? request : { ...request, network: { ...network, publish } };
}

type Port = Pick<Publish, 'containerPort'> & { readonly protocol: (typeof PROTOCOLS)[number] };

function portOf(text: string): Port[] {
  const [, number, name = 'tcp'] = PORT.exec(text.includes('/') ? text : `${text}/tcp`) ?? [];
  const protocol = PROTOCOLS.find((known) => known === name);
  const containerPort = Number(number);
  if (protocol === undefined || !(containerPort >= 1 && containerPort <= HIGHEST)) return [];
  return [{ containerPort, protocol }];
}

function reaches({ containerPort, count = 1, protocol = 'tcp' }: Publish, port: Port): boolean {
  return (
    protocol === port.protocol && port.containerPort >= containerPort && port.containerPort < containerPort + count
  );
}
