/** Questions about the world outside: asked of one server after another, so many at a time. */
import { formatAddress, parseAddress } from '../address.ts';
import { Exchanges } from './exchange.ts';
import { failureOf, isTruncated, RCODE, rcodeOf, relayed, type Query, type Transport } from './message.ts';
import type { Asker } from './name-table.ts';
import { Silences } from './silences.ts';

/** Those who ask wait five seconds (resolv.conf(5), "timeout"; musl the same): two servers may be silent. */
const PATIENCE_MS = 2000;
const MOST_SERVERS = 4;
/** At one time, of one container and of all. Each is a socket and some 2 KB. */
const MOST_OF_ONE = 64;
const MOST = 512;
/** Where servers listen. */
const PORT = 53;

export interface ForwarderOptions {
  /** The host's own servers. */
  readonly servers: () => readonly string[];
  /** Addresses on which we listen ourselves: asked, we would ask ourselves for ever. */
  readonly isOwn: (address: string) => boolean;
}

export class Forwarder {
  private readonly options: ForwarderOptions;
  private readonly exchanges = new Exchanges();
  private readonly pending = new Map<string, number>();
  private readonly silences = new Silences();
  private all = 0;
  private closed = false;

  constructor(options: ForwarderOptions) {
    this.options = options;
  }

  /** The reply for who asked. A failure where nobody answers, or too much is under way. */
  async forward(query: Query, asker: Asker, transport: Transport): Promise<Buffer> {
    const { container } = asker;
    const ofOne = this.pending.get(container) ?? 0;
    if (this.closed || ofOne >= MOST_OF_ONE || this.all >= MOST) return failureOf(query, RCODE.servFail);
    this.pending.set(container, ofOne + 1);
    this.all++;
    try {
      return await this.askAll(query, asker, transport);
    } finally {
      const left = (this.pending.get(container) ?? 1) - 1;
      if (left > 0) this.pending.set(container, left);
      else this.pending.delete(container);
      this.all--;
    }
  }

  /** What is under way is answered with a failure. */
  close(): void {
    this.closed = true;
    this.exchanges.close();
  }

  /** What a container asks for itself on a loopback address is meant inside it: the host's is not asked in its place. */
  private serversFor({ container, servers }: Asker): string[] {
    const wanted = servers === undefined || servers.length === 0 ? this.options.servers() : servers.filter(isElsewhere);
    const usable = wanted.filter((address) => !this.options.isOwn(plain(address)));
    return this.silences.inOrder(container, usable).slice(0, MOST_SERVERS);
  }

  /** The first that knows; where none does, what the last one said. */
  private async askAll(query: Query, asker: Asker, transport: Transport): Promise<Buffer> {
    let last: Buffer | undefined;
    for (const address of this.serversFor(asker)) {
      if (this.closed) break;
      const reply = await this.ask(query, asker, address, transport);
      if (reply === undefined) continue;
      last = reply;
      if (!GIVES_WAY.has(rcodeOf(reply))) break;
    }
    return last === undefined ? failureOf(query, RCODE.servFail) : relayed(query, last, transport);
  }

  /** Who asks by UDP gets a reply that was cut as it is, and comes again by TCP. */
  private async ask(
    query: Query,
    { container }: Asker,
    address: string,
    transport: Transport,
  ): Promise<Buffer | undefined> {
    const server = { address, port: PORT };
    const reply = await this.exchanges.byUdp(query, server, PATIENCE_MS);
    this.silences.note(container, address, reply !== undefined);
    if (reply === undefined || !isTruncated(reply) || transport === 'udp') return reply;
    return this.exchanges.byTcp(query, server, PATIENCE_MS);
  }
}

/** Another server may know better. */
const GIVES_WAY: ReadonlySet<number> = new Set([RCODE.servFail, RCODE.notImp, RCODE.refused]);

/** Without a zone; an IPv4 address that is written as one of IPv6 is one of IPv4, as it is for the kernel. */
function plain(address: string): string {
  const parsed = parseAddress(address.replace(/%.*$/, ''));
  if (parsed === undefined) return address;
  const isMapped = parsed.family === 6 && parsed.value >> 32n === 0xffffn;
  return formatAddress(isMapped ? { family: 4, value: parsed.value & 0xffff_ffffn } : parsed);
}

function isElsewhere(address: string): boolean {
  const text = plain(address);
  return !/^(127|0)\./.test(text) && text !== '::1' && text !== '::';
}
