/** The config file's key `registries`: how single registries of images are reached, by their names. */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ImageError } from './images/errors.ts';
import { parseRegistry } from './images/reference.ts';
import { Registries, type RegistriesSettings, type RegistrySettings } from './images/registry/settings.ts';
import { OptionsError } from './options-error.ts';

const FLAGS = ['plainHttp', 'skipVerify'] as const;
/** Paths of PEM files, which are read once, as the daemon starts. */
const FILES = ['ca', 'certificate', 'key'] as const;
const KNOWN: readonly string[] = ['mirrors', ...FLAGS, ...FILES];

/** `where` begins messages: "config file /etc/tare.json". Throws OptionsError. */
export function registriesOf(value: unknown, where: string): RegistriesSettings {
  const at = `${where}: registries`;
  if (!isObject(value)) throw new OptionsError(`${at}: an object is expected, by the registries' names`);
  const settings = Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [nameOf(name, at), settingsOf(entry, `${at}: ${name}`)]),
  );
  try {
    new Registries(settings);
  } catch (error) {
    if (error instanceof ImageError) throw new OptionsError(`${at}: ${error.message}`, { cause: error });
    throw error;
  }
  return settings;
}

/** As it stands in front of images' names. */
function nameOf(text: string, at: string): string {
  let registry: string | undefined;
  try {
    registry = parseRegistry(text);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
  if (registry === text) return text;
  const hint = registry === undefined ? '' : `; "${registry}" is meant`;
  throw new OptionsError(
    `${at}: "${text}" is not the name of a registry, such as "docker.io" or "registry.lan:5000"${hint}`,
  );
}

function settingsOf(entry: unknown, at: string): RegistrySettings {
  if (!isObject(entry)) throw new OptionsError(`${at}: an object is expected`);
  const unknown = Object.keys(entry).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw new OptionsError(`${at}: there is no option "${unknown}", but ${KNOWN.join(', ')}`);
  }
  const { mirrors } = entry;
  const flags = FLAGS.flatMap((key) => (entry[key] === undefined ? [] : [[key, flagOf(entry[key], `${at}: ${key}`)]]));
  const files = FILES.flatMap((key) => (entry[key] === undefined ? [] : [[key, pemOf(entry[key], `${at}: ${key}`)]]));
  if ((entry.certificate === undefined) !== (entry.key === undefined)) {
    throw new OptionsError(`${at}: certificate and key are given together or not at all`);
  }
  return {
    ...(mirrors === undefined ? {} : { mirrors: urlsOf(mirrors, `${at}: mirrors`) }),
    ...(Object.fromEntries([...flags, ...files]) as Omit<RegistrySettings, 'mirrors'>),
  };
}

function urlsOf(value: unknown, at: string): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [undefined];
  return list.map((url) => {
    if (typeof url === 'string') return url;
    throw new OptionsError(`${at}: a list of URLs is expected`);
  });
}

function flagOf(value: unknown, at: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new OptionsError(`${at}: true or false is expected`);
}

function pemOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || !isAbsolute(value)) throw new OptionsError(`${at}: an absolute path is expected`);
  let text: string;
  try {
    text = readFileSync(value, 'utf8');
  } catch (error) {
    throw new OptionsError(`${at}: ${(error as Error).message}`, { cause: error });
  }
  if (!text.includes('-----BEGIN ')) throw new OptionsError(`${at}: ${value} is not a PEM file`);
  return text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
