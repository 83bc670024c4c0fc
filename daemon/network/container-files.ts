/**
 * What a container finds as /etc/hosts, /etc/hostname and /etc/resolv.conf: the content, and the files on the host that
 * are bound over them. Files are written in place, as a bind mount holds on to the inode: a change is seen inside.
 */
import { isIP } from 'node:net';
import { closeSync, constants, fchmodSync, fchownSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerNetwork } from '../../shared/api/network.ts';
import type { ResolvConf } from './dns/resolv-conf.ts';

export interface ContainerFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface ContainerFilesWish {
  readonly hostname: string;
  readonly domainname?: string | undefined;
  /** Its own, without prefix lengths, in the order of its networks. */
  readonly addresses: readonly string[];
  readonly hosts?: ContainerNetwork['hosts'];
  /** What "host-gateway" stands for. */
  readonly hostGateways: readonly string[];
  /** Our own DNS server's (nameserversOf). undefined: it has none, and asks for itself. */
  readonly nameservers: readonly string[] | undefined;
  readonly dns?: ContainerNetwork['dns'];
  /** How the host resolves names. */
  readonly host: ResolvConf;
  /** What the host has as /etc/hosts, in place of the loopback's names. */
  readonly hostsOfHost?: string;
}

/** Something that would not stay in its place in a file. The schemas refuse it earlier. */
export class ContainerFileError extends Error {
  override name = 'ContainerFileError';
}

const LOOPBACK = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Pure. Throws ContainerFileError. */
export function containerFiles(wish: ContainerFilesWish): ContainerFiles {
  return { hosts: hostsOf(wish), hostname: `${word(wish.hostname)}\n`, resolvConf: resolvConfOf(wish) };
}

/**
 * Where containers of these networks ask: one network's gateways, as its names are all of theirs; the first network
 * that reaches outside, as questions that come in by an internal one go no further. The C libraries heed three.
 */
export function nameserversOf(
  networks: readonly { readonly internal: boolean; readonly gateways: readonly string[] }[],
): string[] {
  const { gateways } = networks.find(({ internal }) => !internal) ?? networks[0] ?? { gateways: [] };
  return gateways.toSorted((a, b) => isIP(a) - isIP(b));
}

function hostsOf({
  hostname,
  domainname,
  addresses,
  hosts = [],
  hostGateways,
  hostsOfHost = '',
}: ContainerFilesWish): string {
  const given = hosts.flatMap(({ name, address }) => {
    const meant = address === 'host-gateway' ? hostGateways : [address];
    if (meant.length === 0) throw new ContainerFileError(`host-gateway: there is no gateway for ${word(name)}`);
    return meant.map((one) => `${ip(one)}\t${word(name)}\n`);
  });
  const names = [...(domainname === undefined ? [] : [`${hostname}.${domainname}`]), hostname].map(word).join(' ');
  const first = hostsOfHost === '' ? LOOPBACK : `${hostsOfHost.trimEnd()}\n`;
  return [first, ...given, ...addresses.map((address) => `${ip(address)}\t${names}\n`)].join('');
}

/**
 * With our own server: it asks the servers that were given (or the host's), and names of containers come first, before
 * any search domain is tried, unless "ndots" was given. Without: what was given, and the host's file where nothing was.
 */
function resolvConfOf({ nameservers, dns = {}, host }: ContainerFilesWish): string {
  const isAsked = [dns.servers, dns.search, dns.options].some((part) => part !== undefined);
  if (nameservers === undefined && !isAsked) return host.text;
  const search = (dns.search ?? host.search.filter(isWord)).filter((domain) => domain !== '.');
  const asked = dns.options ?? host.options.filter(isWord);
  const isOurs = nameservers !== undefined;
  const options = isOurs && !asked.some((option) => option.startsWith('ndots:')) ? [...asked, 'ndots:0'] : asked;
  return [
    ...(nameservers ?? dns.servers ?? host.servers).map((server) => `nameserver ${ip(server)}\n`),
    ...(search.length === 0 ? [] : [`search ${search.map(word).join(' ')}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.map(word).join(' ')}\n`]),
  ].join('');
}

/** An address; one of a host's own servers may have a zone. */
function ip(text: string): string {
  if (isIP(text) === 0) throw new ContainerFileError(`${JSON.stringify(text)} is no address`);
  return word(text);
}

/** What stays one word in each of the files. */
function word(text: string): string {
  if (!isWord(text)) throw new ContainerFileError(`${JSON.stringify(text)} cannot be written into a line of words`);
  return text;
}

function isWord(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('#');
}

/** On the host, in a container's directory of its own. */
export function containerFilePaths(directory: string): ContainerFiles {
  return {
    hosts: join(directory, 'hosts'),
    hostname: join(directory, 'hostname'),
    resolvConf: join(directory, 'resolv.conf'),
  };
}

const MODE = 0o644;

/**
 * Makes the directory and the files, or writes them anew in place, some 0.1 ms on a tmpfs. `owner`: root of the
 * container's user namespace, who may write them. Nobody who reads sees an empty file: it is cut after it was written.
 * Throws EAGAIN where the container holds a lease on one of them (fcntl(2), F_SETLEASE), which would otherwise hold
 * the daemon up until /proc/sys/fs/lease-break-time.
 */
export function writeContainerFiles(
  directory: string,
  files: ContainerFiles,
  owner?: { readonly uid: number; readonly gid: number },
): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const paths = containerFilePaths(directory);
  for (const file of ['hosts', 'hostname', 'resolvConf'] as const) writeInPlace(paths[file], files[file], owner);
}

function writeInPlace(path: string, content: string, owner?: { readonly uid: number; readonly gid: number }): void {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, MODE);
  try {
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    // The umask of the daemon, or the container before, has its way otherwise.
    fchmodSync(fd, MODE);
    ftruncateSync(fd, writeAll(fd, Buffer.from(content)));
  } finally {
    closeSync(fd);
  }
}

/** The number of bytes. */
function writeAll(fd: number, bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) at += writeSync(fd, bytes, at, bytes.length - at, at);
  return at;
}
