/** `--publish` as the API has it: docker's words, "[ADDRESS:][HOSTPORT:]PORT[/PROTOCOL]", ports as ranges too. */
import type { Protocol, Publish } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';

/** shared/api/network.ts says the same; importing it would load the schemas. */
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** An IPv6 address stands in brackets; its own colons would not be told from the others. */
const FORM = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):(?=[^:]*:))?(?:([^:]*):)?([^:]+)$/;

interface Range {
  readonly first: number;
  readonly count: number;
}

export function parsePublish(text: string): Publish {
  const slash = text.lastIndexOf('/');
  const [, six, four, host = '', container = ''] = FORM.exec(slash === -1 ? text : text.slice(0, slash)) ?? bad(text);
  const inside = portsOf(container, text);
  const publish: Publish = { containerPort: inside.first };
  if (host !== '') {
    const outside = portsOf(host, text);
    if (inside.count === 1 && outside.count > 1) publish.hostPortLast = outside.first + outside.count - 1;
    else if (outside.count !== inside.count) {
      throw new UsageError(`--publish "${text}": ${rangeText(outside)} cannot lead to ${rangeText(inside)}`, {
        hint: 'as many ports of the host as of the container are needed, or several to choose from for one',
      });
    }
    publish.hostPort = outside.first;
  }
  if (inside.count > 1) publish.count = inside.count;
  const address = six ?? four ?? '';
  if (address !== '') publish.hostAddress = address;
  if (slash !== -1) publish.protocol = protocolOf(text.slice(slash + 1), text);
  return publish;
}

/** `--expose`: "80", "53/udp", "8000-8010", as the API has them. */
export function parseExpose(text: string): string[] {
  const slash = text.lastIndexOf('/');
  const { first, count } = portsOf(slash === -1 ? text : text.slice(0, slash), text);
  const protocol = slash === -1 ? 'tcp' : protocolOf(text.slice(slash + 1), text);
  return Array.from({ length: count }, (_, index) => `${String(first + index)}/${protocol}`);
}

function bad(text: string): never {
  throw new UsageError(`--publish "${text}" is not [ADDRESS:][HOSTPORT:]PORT[/PROTOCOL]`, {
    hint: 'such as 8080:80, 127.0.0.1:53:53/udp, [::1]:8080:80 or 8000-8010:8000-8010',
  });
}

/** "80" or "80-90". */
function portsOf(text: string, whole: string): Range {
  const [, from = '', to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? bad(whole);
  const first = Number(from);
  const last = Number(to);
  if (first < 1 || last > 65_535) throw new UsageError(`--publish "${whole}": ports are 1 to 65535`);
  if (last < first) throw new UsageError(`--publish "${whole}": the range ${text} ends before it begins`);
  return { first, count: last - first + 1 };
}

function protocolOf(text: string, whole: string): Protocol {
  const found = PROTOCOLS.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`--publish "${whole}": "${text}" is no protocol`, { hint: `there are ${PROTOCOLS.join(', ')}` });
}

function rangeText({ count }: Range): string {
  return count === 1 ? 'one port' : `${String(count)} ports`;
}
