/** Published ports as they are asked for: canonical, within bounds, and none twice. */
import type { Protocol, Publish } from '../../../shared/api/network.ts';
import { formatAddress, parseAddress } from '../../network/address.ts';
import type { Published } from '../../registry/containers.ts';
import { EngineError } from '../errors.ts';

const HIGHEST_PORT = 65_535;
const ANY = new Set(['0.0.0.0', '::']);

/** `field`: of the list, such as "network.publish". Throws `invalid_field`. */
export function publishedOf(asked: readonly Publish[], field: string): Published[] {
  const published = asked.map((publish, index) => one(publish, `${field}[${String(index)}]`));
  refuseTwice(published, field);
  return published;
}

function one(asked: Publish, field: string): Published {
  const { containerPort, hostPort, count = 1, protocol = 'tcp' } = asked;
  for (const [name, port] of [
    ['containerPort', containerPort],
    ['hostPort', hostPort],
  ] as const) {
    if (port === undefined || port + count - 1 <= HIGHEST_PORT) continue;
    const last = String(port + count - 1);
    throw invalid(`${field}.count`, `${String(count)} ports from ${name} ${String(port)} on end at ${last}`);
  }
  const hostAddress = asked.hostAddress === undefined ? undefined : canonical(asked.hostAddress, field);
  return {
    protocol,
    containerPort,
    count,
    ...(hostPort === undefined ? {} : { hostPort }),
    ...lastOf(asked, field),
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}

/** Of several that one is chosen from; of a whole range there is no choice. */
function lastOf({ hostPort, hostPortLast, count = 1 }: Publish, field: string): Pick<Published, 'hostPortLast'> {
  if (hostPortLast === undefined) return {};
  if (hostPort === undefined) throw invalid(`${field}.hostPortLast`, 'has no meaning without hostPort');
  if (hostPortLast < hostPort) throw invalid(`${field}.hostPortLast`, `is less than hostPort ${String(hostPort)}`);
  if (count > 1) throw invalid(`${field}.hostPortLast`, 'has no meaning together with count');
  return hostPortLast === hostPort ? {} : { hostPortLast };
}

function canonical(text: string, field: string): string {
  const address = parseAddress(text);
  if (address === undefined) throw invalid(`${field}.hostAddress`, `"${text}" is no address`);
  return formatAddress(address);
}

/** Sorted by the host's port, so that only neighbours have to be compared. */
function refuseTwice(published: readonly Published[], field: string): void {
  const sorted = published
    .flatMap((range, index) =>
      range.hostPort === undefined || range.hostPortLast !== undefined ? [] : [{ range, index, first: range.hostPort }],
    )
    .sort((a, b) => a.first - b.first || a.index - b.index);
  let open: typeof sorted = [];
  for (const entry of sorted) {
    open = open.filter(({ first, range }) => first + range.count > entry.first);
    const other = open.find(({ range }) => isSamePlace(range, entry.range));
    if (other !== undefined) {
      const later = Math.max(other.index, entry.index);
      throw invalid(
        `${field}[${String(later)}].hostPort`,
        `port ${String(entry.first)}/${entry.range.protocol} is published twice`,
      );
    }
    open.push(entry);
  }
}

function isSamePlace(a: Published, b: Published): boolean {
  return a.protocol === b.protocol && addressesMeet(a.hostAddress, b.hostAddress);
}

/** Whether two places of publishing have an address in common; undefined is all of both families. */
export function addressesMeet(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true;
  const sameFamily = a.includes(':') === b.includes(':');
  return sameFamily && (ANY.has(a) || ANY.has(b));
}

/** "10.0.0.1:80/tcp", "[::]:80/tcp". */
export function placeText(address: string, port: number, protocol: Protocol): string {
  return `${address.includes(':') ? `[${address}]` : address}:${String(port)}/${protocol}`;
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
