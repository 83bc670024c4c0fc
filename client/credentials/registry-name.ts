/** Names of registries: in names of images, and as keys of ~/.docker/config.json. */

export const HUB = 'docker.io';
/** What Docker calls its hub in config.json, and to credential helpers. */
export const HUB_KEY = 'https://index.docker.io/v1/';
const HUB_NAMES: ReadonlySet<string> = new Set([HUB, 'index.docker.io', 'registry-1.docker.io']);

/** The registry of an image's name: what stands before its first slash, if it cannot be a folder (docker's rule). */
export function registryOf(image: string): string {
  const slash = image.indexOf('/');
  const first = image.slice(0, Math.max(slash, 0));
  const isRegistry = slash > 0 && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  return isRegistry ? registryName(first) : HUB;
}

/** "https://GHCR.io/v2/" is "ghcr.io", and every name of the hub "docker.io". */
export function registryName(address: string): string {
  const host = address
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '')
    .toLowerCase();
  return host === '' || HUB_NAMES.has(host) ? HUB : host;
}

/** The key of config.json, and what a credential helper is asked for. */
export function registryKey(registry: string): string {
  return registry === HUB ? HUB_KEY : registry;
}

/** "debian:12" in full: "docker.io/library/debian:12". */
export function canonicalName(name: string): string {
  const registry = registryOf(name);
  if (registry !== HUB) return name;
  const slash = name.indexOf('/');
  const hasRegistry = slash > 0 && HUB_NAMES.has(name.slice(0, slash));
  const path = hasRegistry ? name.slice(slash + 1) : name;
  return `${HUB}/${path.includes('/') ? path : `library/${path}`}`;
}
