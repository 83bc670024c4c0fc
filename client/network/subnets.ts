import type { Subnet } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';

/** What docker gives as three lists; a network has at most one subnet of each family, so the family pairs them. */
export interface SubnetWords {
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  readonly ranges: readonly string[];
}

export function subnetsOf({ subnets, gateways, ranges }: SubnetWords): Subnet[] {
  const made: Subnet[] = [];
  for (const subnet of subnets) {
    if (made.some((other) => familyOf(other.subnet) === familyOf(subnet)))
      throw new UsageError(`--subnet "${subnet}": there is an ${familyOf(subnet)} subnet already`);
    made.push({ subnet });
  }
  give(made, 'gateway', gateways, '--gateway');
  give(made, 'range', ranges, '--ip-range');
  return made;
}

function give(subnets: readonly Subnet[], property: 'gateway' | 'range', words: readonly string[], flag: string): void {
  for (const word of words) {
    const subnet = subnets.find((one) => familyOf(one.subnet) === familyOf(word));
    if (subnet === undefined) throw new UsageError(`${flag} "${word}" needs an ${familyOf(word)} --subnet`);
    if (subnet[property] !== undefined) throw new UsageError(`${flag} is given twice for ${familyOf(word)}`);
    subnet[property] = word;
  }
}

function familyOf(text: string): string {
  return text.includes(':') ? 'IPv6' : 'IPv4';
}
