/** What differs from run to run becomes a word that says what it was; what is left has to be the same. */

/** Keys whose values are measured, numbered or placed by the engine. Where they are 0 or empty, that is compared. */
const MEASURED = new Set([
  ...['Pid', 'Created', 'Size', 'VirtualSize', 'SizeRw', 'SizeRootFs', 'SharedSize', 'UniqueSize', 'time', 'timeNano'],
  ...['HostnamePath', 'HostsPath', 'ResolvConfPath', 'LogPath', 'SandboxKey', 'Mountpoint', 'MergedDir', 'LowerDir'],
  ...['UpperDir', 'WorkDir', 'IPAddress', 'GlobalIPv6Address', 'MacAddress', 'LinkLocalIPv6Address', 'LayersSize'],
  ...['size', 'mtime', 'Duration', 'SpaceReclaimed', 'cache-control', 'content-length'],
]);

/** Lists without an order. */
const SETS = new Set(['Ports', 'RepoTags', 'RepoDigests', 'Mounts', 'Volumes', 'Containers']);

export interface Known {
  /** Paths of the room, the longest first, and what stands for each. */
  readonly paths: readonly (readonly [path: string, word: string])[];
  /** Digests that are the same on both sides, and what stands for each. */
  readonly digests: ReadonlyMap<string, string>;
}

const RULES: readonly (readonly [RegExp, string])[] = [
  // Of a CLI whose run failed: it races with the end of its own program.
  [/^time=".*" level=error msg="error waiting for container: .*"\n/gm, ''],
  [/docker-import-\d+/g, '<folder>'],
  // dockerd makes a container for each step of a build, tare for those that run something.
  [/^ ---> Running in [0-9a-f]{12}\n|^Removing intermediate container [0-9a-f]{12}\n/gm, ''],
  // A time that is none stays as it is.
  [/\b(?!0001-01-01)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b(?!0001-01-01)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]+/g, '<time>'],
  [/\b02:42(:[0-9a-f]{2}){4}\b|\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/gi, '<mac>'],
  [/\b(About an? (minute|hour)|Less than a second|\d+ (second|minute|hour)s?)\b/g, '<duration>'],
  [/\b(172\.(1[6-9]|2\d|3[01])|192\.168|10\.\d+)(\.\d+){1,2}\.\d+\b/g, '<address>'],
  [/\b(\d{1,3}\.){3}\d{1,3}:(3[2-9]|[45]\d|6[0-5])\d{3}\b/g, '<host>:<port>'],
  [/(?<=:::|\[::\]:)(3[2-9]|[45]\d|6[0-5])\d{3}\b/g, '<port>'],
  [/\b\d+(\.\d+)?([kKMGT]i?B|B)\b/g, '<size>'],
];

/** Text of any kind. */
export function normaliseText(text: string, known: Known): string {
  let out = text;
  for (const [path, word] of known.paths) out = out.replaceAll(path, word);
  for (const [pattern, word] of RULES) out = out.replace(pattern, word);
  out = out.replace(/\b[0-9a-f]{64}\b/g, (id) => known.digests.get(id) ?? '<id>');
  return out.replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, (id) => knownPrefix(id, known) ?? '<short id>');
}

function knownPrefix(id: string, { digests }: Known): string | undefined {
  for (const [digest, word] of digests) if (digest.startsWith(id)) return `${word} in short`;
  return undefined;
}

/** Text of the CLI: a document, lines of documents, or a table whose columns are as wide as what stands in them. */
export function normaliseOutput(text: string, known: Known): unknown {
  const parsed = parseDocuments(text);
  if (parsed !== undefined) return normalise(parsed, known);
  return normaliseText(text, known)
    .replace(/(?<=\S) {2,}/g, '  ')
    .replace(/ +$/gm, '');
}

/** A document, or the documents of a stream; undefined where it is neither. */
export function parseDocuments(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // More than one, or none.
  }
  try {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown);
  } catch {
    return undefined;
  }
}

/** A JSON value; keys that are ids or names of paths are normalised as values are. */
export function normalise(value: unknown, known: Known, key = ''): unknown {
  if (typeof value === 'string') return measured(key, value) ?? normaliseText(value, known);
  if (typeof value === 'number') return measured(key, value) ?? value;
  if (Array.isArray(value)) {
    const items = value.map((item) => normalise(item, known, key));
    return SETS.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(
    ([name, item]) => [normaliseText(name, known), normalise(item, known, name)] as const,
  );
  return Object.fromEntries(entries);
}

function measured(key: string, value: string | number): string | undefined {
  if (key === 'HostPort' || key === 'PublicPort') return Number(value) >= 32_000 ? `<${typeof value} port>` : undefined;
  if (!MEASURED.has(key) || value === 0 || value === '' || value === -1) return undefined;
  // As far as one can see it is a time.
  if (typeof value === 'string' && value.startsWith('0001-01-01')) return undefined;
  return `<${typeof value}>`;
}
