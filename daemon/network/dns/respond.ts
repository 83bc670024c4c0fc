/** What is to be done about a message: answered from the table, asked of others, refused, or passed over. Pure. */
import type { Answer } from 'dns-packet';
import {
  answerTo,
  badVersionOf,
  failureOf,
  RCODE,
  readQuery,
  refusalOf,
  type Query,
  type Transport,
} from './message.ts';
import type { Asker, NameTable } from './name-table.ts';
import { addressOfReverse } from './reverse.ts';

export interface Origin {
  /** The bridge that it came in by. */
  readonly network: { readonly id: string; readonly internal: boolean };
  /** Who it came from. */
  readonly address: string;
  readonly transport: Transport;
}

export type Decision =
  | { readonly is: 'nothing' }
  | { readonly is: 'reply'; readonly message: Buffer }
  | { readonly is: 'forward'; readonly query: Query; readonly asker: Asker };

/** Seconds. An address may be another container's a moment later. */
const TTL = 0;

/**
 * A known name without records of the type that is asked for is answered with none: "no such name" would end the
 * search of those who ask for both families at once (musl).
 *
 * A name that is unknown on the bridge of an internal network does not exist there, and that is the answer (NXDOMAIN):
 * nothing is asked outside, not even for a container that has other networks, because an address can be forged within
 * a bridge (CVE-2024-29018). A failure (SERVFAIL) would be tried again: musl waits five seconds for a better word, and
 * does not go on to the next search domain. Nobody keeps the answer, as it comes without an SOA (RFC 2308, 5).
 */
export function respond(message: Buffer, origin: Origin, table: NameTable): Decision {
  const reading = readQuery(message);
  if (reading === undefined) return { is: 'nothing' };
  if ('rcode' in reading) return reply(refusalOf(message, reading.rcode));
  const { query } = reading;
  const asker = table.asker(origin.network.id, origin.address);
  if (asker === undefined || query.type === 'AXFR' || query.type === 'IXFR') {
    return reply(failureOf(query, RCODE.refused));
  }
  if (query.edns !== undefined && query.edns.version > 0) return reply(badVersionOf(query));
  const records = query.class === 'IN' || query.class === 'ANY' ? recordsOf(query, asker, table) : undefined;
  if (records !== undefined) return reply(answerTo(query, records, origin.transport));
  if (origin.network.internal) return reply(failureOf(query, RCODE.nxDomain));
  return { is: 'forward', query, asker };
}

function reply(message: Buffer): Decision {
  return { is: 'reply', message };
}

/** undefined: the name is not known to the asker. */
function recordsOf(query: Query, asker: Asker, table: NameTable): Answer[] | undefined {
  const { name, type } = query;
  const reverse = addressOfReverse(name);
  if (reverse !== undefined) {
    const data = table.nameOf(asker, reverse);
    if (data === undefined) return undefined;
    return type === 'PTR' || type === 'ANY' ? [{ type: 'PTR', name, ttl: TTL, data }] : [];
  }
  if (!table.knows(asker, name)) return undefined;
  const records = (family: 4 | 6): Answer[] =>
    (table.addressesOf(asker, name, family) ?? []).map((data) => ({
      type: family === 4 ? 'A' : 'AAAA',
      name,
      ttl: TTL,
      data,
    }));
  return [
    ...(type === 'A' || type === 'ANY' ? records(4) : []),
    ...(type === 'AAAA' || type === 'ANY' ? records(6) : []),
  ];
}
