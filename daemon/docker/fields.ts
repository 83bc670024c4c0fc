/**
 * A JSON object of a client, read as Go's decoder does: names in any case, null where nothing is meant, unknown names
 * ignored; another type than the expected one is refused.
 */
import { DockerError } from './error.ts';
import type { JsonObject } from './route.ts';

export class Fields {
  /** Under their names in lower case; the last of those that differ by case counts. */
  private readonly values = new Map<string, unknown>();
  private readonly path: string;

  constructor(object: JsonObject, path = '') {
    for (const [name, value] of Object.entries(object)) this.values.set(name.toLowerCase(), value);
    this.path = path;
  }

  /** Undefined also for null. */
  value(name: string): unknown {
    return this.values.get(name.toLowerCase()) ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    if (value !== undefined && typeof value !== 'string') throw this.refusal(name, value, 'string');
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.value(name);
    if (value !== undefined && typeof value !== 'boolean') throw this.refusal(name, value, 'bool');
    return value;
  }

  /** A whole number that a double holds. */
  integer(name: string): number | undefined {
    const value = this.value(name);
    if (value !== undefined && !Number.isSafeInteger(value)) throw this.refusal(name, value, 'int64');
    return value as number | undefined;
  }

  /** A list of texts; a text alone is one of itself, as commands may be given. */
  texts(name: string): string[] | undefined {
    const value = this.value(name);
    if (typeof value === 'string') return [value];
    const list = this.list(name);
    const wrong = list?.find((item) => typeof item !== 'string');
    if (wrong !== undefined) throw this.refusal(name, wrong, 'string');
    return list as string[] | undefined;
  }

  numbers(name: string): number[] | undefined {
    const list = this.list(name);
    const wrong = list?.find((item) => !Number.isSafeInteger(item));
    if (wrong !== undefined) throw this.refusal(name, wrong, 'uint');
    return list as number[] | undefined;
  }

  object(name: string): Fields | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.refusal(name, value, 'object');
    return new Fields(value, this.pathOf(name));
  }

  /** Nulls in it are left out. */
  objects(name: string): Fields[] {
    return (this.list(name) ?? []).flatMap((item) => {
      if (item === null) return [];
      if (!isObject(item)) throw this.refusal(name, item, 'object');
      return [new Fields(item, this.pathOf(name))];
    });
  }

  /** The object's members as they are named. */
  entries(name: string): [key: string, value: unknown][] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (!isObject(value)) throw this.refusal(name, value, 'map');
    return Object.entries(value);
  }

  /** Texts by their keys. */
  record(name: string): Record<string, string> {
    return Object.fromEntries(
      this.entries(name).map(([key, value]) => {
        if (value !== null && typeof value !== 'string')
          throw this.refusal(`${name}.${key.slice(0, 64)}`, value, 'string');
        return [key, value ?? ''];
      }),
    );
  }

  private list(name: string): unknown[] | undefined {
    const value = this.value(name);
    if (value !== undefined && !Array.isArray(value)) throw this.refusal(name, value, 'slice');
    return value;
  }

  private pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  private refusal(name: string, value: unknown, wanted: string): DockerError {
    return new DockerError(
      400,
      `json: cannot unmarshal ${kindOf(value)} into field ${this.pathOf(name)} of type ${wanted}`,
    );
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
}
