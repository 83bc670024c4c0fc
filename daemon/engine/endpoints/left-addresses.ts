/**
 * Addresses that are asked for by number, and that a container had which is gone: for some 20 ms more its veth is there,
 * and has them. Who asks for one waits for that, as whoever replaces a container by another of the same address expects.
 */
import { formatAddress, parseAddress } from '../../network/address.ts';
import type { Context } from '../context.ts';
import { liveRows } from './live.ts';
import { releaseLeases } from './run.ts';
import type { EndpointWish } from './wish.ts';

/** A namespace that others are in stays for as long as they do: then the address is taken. */
const LONGEST_MS = 2000;

/** Resolves at once where nobody has left any of them lately. */
export async function untilLeft(context: Context, wishes: readonly EndpointWish[]): Promise<void> {
  const asked = wishes.flatMap(({ network, ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((text) => {
      const address = text === undefined ? undefined : parseAddress(text);
      if (address === undefined || network.addresses(address.family)?.refusal(address) !== 'taken') return [];
      return [{ network: network.id, address: formatAddress(address) }];
    }),
  );
  if (asked.length === 0) return;
  const leaving = context.registry.leases.all().flatMap(({ network, address, container, hostInterface, isStatic }) => {
    const isAsked = asked.some((one) => one.network === network && one.address === address);
    if (!isAsked || isStatic || hostInterface === null) return [];
    const owner = context.containers.get(container);
    const has = owner !== undefined && liveRows(owner).some(({ live }) => live.hostInterface === hostInterface);
    return has ? [] : [hostInterface];
  });
  await Promise.all(leaving.map((name) => context.network.untilGone(name, LONGEST_MS)));
  // gone, and we may not have been told yet
  releaseLeases(
    context,
    leaving.filter((name) => !context.network.hasInterface(name)),
  );
}
