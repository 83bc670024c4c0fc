/** The `filters` parameter: `{"key":["value"]}`, or as older clients send it `{"key":{"value":true}}`. */
import { DockerError } from './error.ts';

/** Far beyond what any client sends. */
const MAX_VALUES = 1000;

export type Filters = ReadonlyMap<string, readonly string[]>;

/** Throws DockerError 400 for what is no such JSON, and for keys that are not `known`. */
export function parseFilters(text: string | undefined, known: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  if (text === undefined || text === '') return filters;
  for (const [key, values] of Object.entries(objectOf(text))) {
    if (!known.includes(key)) throw new DockerError(400, `invalid filter '${key.slice(0, 128)}'`);
    filters.set(key, valuesOf(values));
  }
  return filters;
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DockerError(400, 'invalid filter', { cause: error });
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new DockerError(400, 'invalid filter');
  return value as Record<string, unknown>;
}

function valuesOf(given: unknown): string[] {
  if (given === null) return [];
  const values = Array.isArray(given) ? (given as unknown[]) : enabledOf(given);
  if (values.length > MAX_VALUES || values.some((value) => typeof value !== 'string' || value.includes('\0'))) {
    throw new DockerError(400, 'invalid filter');
  }
  return values as string[];
}

function enabledOf(given: unknown): string[] {
  if (typeof given !== 'object') throw new DockerError(400, 'invalid filter');
  const entries = Object.entries(given as Record<string, unknown>);
  if (entries.some(([, isOn]) => typeof isOn !== 'boolean')) throw new DockerError(400, 'invalid filter');
  return entries.filter(([, isOn]) => isOn === true).map(([value]) => value);
}

/** A filter that is true or false: undefined where it is not given. Throws DockerError 400. */
export function flagOf(filters: Filters, key: string): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined || values.length === 0) return undefined;
  const flags = new Set(values.map((value) => FLAGS.get(value.toLowerCase())));
  const [flag] = flags;
  if (flags.size !== 1 || flag === undefined) {
    throw new DockerError(400, `invalid filter '${key}=[${values.join(' ').slice(0, 128)}]'`);
  }
  return flag;
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

/** Whether labels have all of `key` or `key=value`, and none of those that `label!` names. */
export function admitsLabels(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  const has = (asked: string): boolean => {
    const at = asked.indexOf('=');
    const key = at === -1 ? asked : asked.slice(0, at);
    return Object.hasOwn(labels, key) && (at === -1 || labels[key] === asked.slice(at + 1));
  };
  const wanted = filters.get('label') ?? [];
  const unwanted = filters.get('label!') ?? [];
  return wanted.every(has) && !unwanted.some(has);
}
