/**
 * Where a registry is reached and how: what the administrator says of single registries, and what holds without a
 * word of theirs. Plain HTTP is spoken with loopback, and with whom the configuration names; with nobody else, also
 * where a registry asks for it.
 */
import { ImageError, shown } from '../errors.ts';
import { DEFAULT_REGISTRY } from '../reference.ts';

export interface RegistrySettings {
  /**
   * Asked before the registry, in this order, for what is pulled: "https://mirror.example", or with the folder that
   * stands for the registry there, "https://harbor.example/dockerhub". With http:// it is spoken to in the clear.
   */
  readonly mirrors?: readonly string[];
  /** Speak HTTP without TLS. */
  readonly plainHttp?: boolean;
  /** Take any certificate. */
  readonly skipVerify?: boolean;
  /** Certificates of authorities to trust as well as the system's, PEM. */
  readonly ca?: string;
  /** What we show of ourselves, PEM. */
  readonly certificate?: string;
  readonly key?: string;
}

/** By the registry's name, such as "docker.io" or "registry.lan:5000". */
export type RegistriesSettings = Readonly<Record<string, RegistrySettings>>;

/** Where docker.io really is. */
const DEFAULT_HOST = 'registry-1.docker.io';

export interface Source {
  /** For messages and credentials: the registry's name, or the mirror's host and port. */
  readonly name: string;
  /** Host and port in a URL. */
  readonly host: string;
  /** undefined: loopback, which is asked whether it speaks TLS. */
  readonly scheme: 'http' | 'https' | undefined;
  /** Folder in front of every repository: "dockerhub/", or empty. */
  readonly prefix: string;
  readonly isMirror: boolean;
}

function hostnameOf(host: string): string {
  return new URL(`https://${host}/`).hostname;
}

/** localhost, 127.0.0.0/8 and ::1, by name: what a name resolves to is not asked. `host` may have a port. */
export function isLoopback(host: string): boolean {
  const hostname = hostnameOf(host);
  return hostname === 'localhost' || /^127\.[0-9.]+$/.test(hostname) || hostname === '[::1]';
}

function parseMirror(text: string, registry: string): Source {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === 'http:';
  const isSound =
    url !== undefined &&
    (isPlain || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === '';
  if (!isSound) {
    throw new ImageError(
      'invalid_reference',
      `"${shown(text)}", a mirror of ${registry}, is not a URL https://host/folder`,
    );
  }
  const folder = url.pathname.replace(/^\/+|\/+$/g, '');
  return {
    name: url.host,
    host: url.host,
    scheme: isPlain ? 'http' : 'https',
    prefix: folder === '' ? '' : `${folder}/`,
    isMirror: true,
  };
}

export class Registries {
  private readonly settings: ReadonlyMap<string, RegistrySettings>;
  private readonly mirrors: ReadonlyMap<string, readonly Source[]>;
  private readonly plain: ReadonlySet<string>;

  /** Throws ImageError invalid_reference for a mirror that is no URL. */
  constructor(settings: RegistriesSettings = {}) {
    this.settings = new Map(Object.entries(settings));
    const mirrors = new Map<string, readonly Source[]>();
    const plain = new Set<string>();
    for (const [registry, { mirrors: urls = [], plainHttp }] of this.settings) {
      const sources = urls.map((url) => parseMirror(url, registry));
      mirrors.set(registry, sources);
      for (const { scheme, host } of sources) if (scheme === 'http') plain.add(host);
      if (plainHttp === true) plain.add(registry);
    }
    this.mirrors = mirrors;
    this.plain = plain;
  }

  /** `registry`: as parseReference gives it. */
  registry(registry: string): Source {
    const host = registry === DEFAULT_REGISTRY ? DEFAULT_HOST : registry;
    const open = isLoopback(host) ? undefined : 'https';
    return {
      name: registry,
      host,
      scheme: this.plain.has(registry) ? 'http' : open,
      prefix: '',
      isMirror: false,
    };
  }

  /** Where to pull from: the mirrors, and the registry itself last. */
  sources(registry: string): Source[] {
    return [...(this.mirrors.get(registry) ?? []), this.registry(registry)];
  }

  /** What is said of the host with this name, whatever it is to us: registry, mirror, token server. */
  of(host: string): RegistrySettings {
    const name = host === DEFAULT_HOST ? DEFAULT_REGISTRY : host;
    return this.settings.get(name) ?? {};
  }

  /** The configuration names it as one to speak to in the clear. */
  isPlain(host: string): boolean {
    return this.plain.has(host);
  }

  /**
   * Why `to` is not gone to where `from` sends us; undefined: it is. Nobody may send us from TLS into the clear, nor
   * from afar to what listens on loopback.
   */
  objection(from: URL, to: URL): string | undefined {
    if (to.protocol !== 'https:' && to.protocol !== 'http:') return `${shown(to.protocol)} is not spoken`;
    if (to.username !== '' || to.password !== '') return 'it has a name and password in it';
    if (to.host === from.host && to.protocol === from.protocol) return undefined;
    const isHere = isLoopback(from.host);
    if (isLoopback(to.host) && !isHere) return 'it is loopback, seen from here';
    if (to.protocol === 'https:' || this.isPlain(to.host)) return undefined;
    return isHere && isLoopback(to.host) && from.protocol === 'http:' ? undefined : 'it is not encrypted';
  }
}
