/** Settings of the host's kernel under /proc/sys/net, of the network namespace of this process. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/proc/sys/net';

/** A setting that the daemon changed, to be recorded. `key` is as sysctl(8) writes it: "net.ipv4.ip_forward". */
export interface SettingChange {
  readonly key: string;
  readonly before: string;
  readonly now: string;
}

/** A setting that does not take its value: read-only, or the kernel put another in its place. */
export class SettingError extends Error {
  override name = 'SettingError';
}

/** Such as ["ipv6", "conf", "eth0", "accept_ra"]: names of interfaces may have dots. */
type Key = readonly string[];

/** As sysctl(8) does: dots in a name are slashes there. */
const nameOf = (key: Key): string => ['net', ...key].map((part) => part.replaceAll('.', '/')).join('.');
const pathOf = (key: Key): string => join(ROOT, ...key);

/** undefined: this kernel has no such setting (IPv6 is off, or the interface has gone). */
function read(key: Key): string | undefined {
  try {
    return readFileSync(pathOf(key), 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new SettingError(`cannot read ${nameOf(key)}`, { cause: error });
  }
}

function write(key: Key, value: string): void {
  try {
    writeFileSync(pathOf(key), value);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SettingError(`cannot set ${nameOf(key)} to ${value}: ${code}`, { cause: error });
  }
  const now = read(key);
  if (now !== value) throw new SettingError(`${nameOf(key)} is ${String(now)} after it was set to ${value}`);
}

/** The value of a setting, such as readSetting("ipv4", "ip_forward"); undefined where this kernel has none. */
export function readSetting(...key: string[]): string | undefined {
  return read(key);
}

/** Sets it where it is not `value`. False: this kernel has no such setting. Throws SettingError. */
export function setSetting(key: readonly string[], value: string, record?: (change: SettingChange) => void): boolean {
  const before = read(key);
  if (before === undefined) return false;
  if (before === value) return true;
  // Recorded first: what was changed and is not known to have been is worse than the other way round.
  record?.({ key: nameOf(key), before, now: value });
  write(key, value);
  return true;
}

/** What a bridge of ours needs, whatever the host's defaults are. Its own, so not recorded: it goes with the bridge. */
export function writeLinkSettings(bridge: string, hasIpv6: boolean): void {
  // A router to its containers; what one of them advertises changes nothing on the host.
  setSetting(['ipv6', 'conf', bridge, 'accept_ra'], '0');
  // A default of the host's may have turned IPv6 off for new interfaces; the gateway could not be set.
  if (hasIpv6) setSetting(['ipv6', 'conf', bridge, 'disable_ipv6'], '0');
  // Its link-local address is there with its first port, not two seconds later: until then the host asks for no
  // neighbour of what it forwards. The address is made of the bridge's own hardware address; nobody else has it.
  setSetting(['ipv6', 'conf', bridge, 'accept_dad'], '0');
  // Ports published on 127.0.0.1 lead out by the bridge.
  setSetting(['ipv4', 'conf', bridge, 'route_localnet'], '1');
}

/**
 * Packets go from one interface to another. Set where it is not yet, each change told to `record` before it is made.
 *
 * An interface of the host that has its address from a router's advertisements would heed them no more from then on:
 * with accept_ra 2 it does, Documentation/networking/ip-sysctl.rst.
 *
 * @throws SettingError, where the host does not let it be set
 */
export function needForwarding(families: readonly (4 | 6)[], record: (change: SettingChange) => void): void {
  if (families.includes(4)) setSetting(['ipv4', 'ip_forward'], '1', record);
  if (!families.includes(6)) return;
  const all = read(['ipv6', 'conf', 'all', 'forwarding']);
  if (all === undefined || all !== '0') return;
  for (const name of readdirSync(join(ROOT, 'ipv6/conf'))) {
    if (name === 'all' || name === 'lo') continue;
    const isHeeding = read(['ipv6', 'conf', name, 'accept_ra']) === '1';
    // One that forwards already heeds none.
    if (isHeeding && read(['ipv6', 'conf', name, 'forwarding']) === '0') {
      setSetting(['ipv6', 'conf', name, 'accept_ra'], '2', record);
    }
  }
  setSetting(['ipv6', 'conf', 'all', 'forwarding'], '1', record);
}

/** What a bridge of ours needs that has no address: it only bridges. Who asks for the host is not to be answered by it. */
export function writeExtensionSettings(bridge: string): void {
  setSetting(['ipv4', 'conf', bridge, 'arp_ignore'], '8');
  setSetting(['ipv6', 'conf', bridge, 'disable_ipv6'], '1');
}
