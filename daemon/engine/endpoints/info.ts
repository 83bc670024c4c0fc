/** What the daemon changed on the host for networks, and what stands in their way. */
import type { NetworkInfo } from '../../../shared/api/network.ts';
import { Nftables } from '../../network/netfilter/nftables/connection.ts';
import { readSetting } from '../../network/plane/settings.ts';
import type { Context } from '../context.ts';
import { liveRows } from './live.ts';

/** From this part of what there is room for on, a warning is due. */
const NEARLY = 0.9;

export function networkInfo(context: Context): NetworkInfo {
  const changed = context.registry.hostSettings.all().map(({ key, before, now }) => ({ key, before, now }));
  return {
    table: context.places.table,
    changed,
    warnings: [...context.network.warnings(), ...crowding(context)],
  };
}

/** The kernel drops what it has no neighbour's entry for, arp(7): gc_thresh3 of each family is for the whole host. */
function crowding(context: Context): string[] {
  let [four, six] = [0, 0];
  for (const container of context.containers) {
    for (const { live } of liveRows(container)) {
      if (live.ipv4 !== null) four += 1;
      if (live.ipv6 !== null) six += 1;
    }
  }
  const warnings: string[] = [];
  for (const [version, count] of [
    ['ipv4', four],
    ['ipv6', six],
  ] as const) {
    const most = Number(readSetting(version, 'neigh', 'default', 'gc_thresh3') ?? Infinity);
    if (count < most * NEARLY) continue;
    warnings.push(
      `${count} endpoints, and the host has room for ${most} neighbours: raise net.${version}.neigh.default.gc_thresh3`,
    );
  }
  return warnings;
}

/** Asks the kernel, which loads the module if it has one. */
export function hasNftables(): boolean {
  try {
    const nftables = Nftables.open();
    try {
      nftables.generation();
      return true;
    } finally {
      nftables.close();
    }
  } catch {
    // whatever it is, no table can be made then; the start of a container says what
    return false;
  }
}
