/** resolv.conf(5), as the C libraries read it. */
import { isIP } from 'node:net';

export interface ResolvConf {
  /** The file as it is; empty where there is none. */
  readonly text: string;
  /** Addresses; those of IPv6 may have a zone ("fe80::1%eth0"). */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** Such as "ndots:2". */
  readonly options: readonly string[];
}

export const NO_RESOLV_CONF: ResolvConf = { text: '', servers: [], search: [], options: [] };

/** The last of `search` and `domain` has the say; options add up; what is not known is passed over. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.startsWith(';')) continue;
    const [keyword, ...words] = line.split(/[ \t\r]+/).filter((word, index) => word !== '' || index === 0);
    const [first] = words;
    if (first === undefined) continue;
    if (keyword === 'nameserver' && isIP(first) !== 0) servers.push(first);
    else if (keyword === 'search') search = words;
    else if (keyword === 'domain') search = [first];
    else if (keyword === 'options') options.push(...words);
  }
  return { text, servers, search, options };
}
