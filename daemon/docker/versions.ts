/** Versions of the Docker Engine API: which are spoken, and how a path names one. */

/** `1.N`. */
export const NEWEST = 51;
export const OLDEST = 24;

export function versionText(minor: number): string {
  return `1.${String(minor)}`;
}

/** First parts of the paths that are Docker's, where they name no version. */
const FIRST_PARTS: ReadonlySet<string> = new Set([
  '_ping',
  'auth',
  'build',
  'commit',
  'configs',
  'containers',
  'distribution',
  'events',
  'exec',
  'grpc',
  'images',
  'info',
  'networks',
  'nodes',
  'plugins',
  'secrets',
  'services',
  'session',
  'swarm',
  'system',
  'tasks',
  'version',
  'volumes',
]);

const VERSIONED = /^\/v([0-9]{1,4})\.([0-9]{1,4})(?=\/|$)/;

/** Whether a request for this URL is meant for the Docker Engine API. */
export function isDockers(url: string): boolean {
  if (VERSIONED.test(url)) return true;
  const [, first = ''] = /^\/([^/?]*)/.exec(url) ?? [];
  return FIRST_PARTS.has(first);
}

export interface Asked {
  /** Without the version. */
  readonly url: string;
  /** Undefined: the path names none, and the newest is spoken. */
  readonly version: { readonly major: number; readonly minor: number } | undefined;
}

export function askedOf(url: string): Asked {
  const [prefix, major, minor] = VERSIONED.exec(url) ?? [];
  if (prefix === undefined) return { url, version: undefined };
  const rest = url.slice(prefix.length);
  return { url: rest.startsWith('/') ? rest : `/${rest}`, version: { major: Number(major), minor: Number(minor) } };
}

/** What is wrong with the version, in dockerd's words; undefined: it is spoken. */
export function refusalOf(version: Asked['version']): string | undefined {
  if (version === undefined) return undefined;
  const { major, minor } = version;
  const text = `${String(major)}.${String(minor)}`;
  if (major > 1 || (major === 1 && minor > NEWEST)) {
    return `client version ${text} is too new. Maximum supported API version is ${versionText(NEWEST)}`;
  }
  if (major < 1 || minor < OLDEST) {
    return (
      `client version ${text} is too old. Minimum supported API version is ${versionText(OLDEST)}, ` +
      'please upgrade your client to a newer version'
    );
  }
  return undefined;
}
