/** Names that stand for addresses: in-addr.arpa (RFC 1035, 3.5) and ip6.arpa (RFC 3596, 2.5). */
import { formatAddress, parseAddress } from '../address.ts';

const FOUR = /^((?:[0-9]{1,3}\.){4})in-addr\.arpa\.?$/i;
const SIX = /^((?:[0-9a-f]\.){32})ip6\.arpa\.?$/i;

/** Canonical text of the address that is asked about; undefined where the name is no complete address. */
export function addressOfReverse(name: string): string | undefined {
  const labels = (FOUR.exec(name) ?? SIX.exec(name))?.[1]?.slice(0, -1).split('.').toReversed();
  if (labels === undefined) return undefined;
  const text = labels.length === 4 ? labels.join('.') : (labels.join('').match(/.{4}/g) ?? []).join(':');
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(address);
}
