/**
 * JSON as Go's encoding/json decodes it into a type, for that is what clients of Docker have always been answered by:
 * names of fields in any case, null anywhere and the same as nothing, unknown fields ignored; a value of another type is
 * an error that names the field. What is read is the whole of it under the names that are known: fields.ts reads one by one.
 */
import { DockerError } from '../../error.ts';

/** Reads one value. Undefined: it is null, or is not there. Throws DockerError 400. */
export interface Shape<T> {
  /** As Go calls the type, for messages. */
  readonly type: string;
  /** `at`: "HostConfig.Memory". */
  read(value: unknown, at: string): T | undefined;
}

export type Read<S> = S extends Shape<infer T> ? T : never;
type Fields = Readonly<Record<string, Shape<unknown>>>;
export type ReadFields<F extends Fields> = { readonly [K in keyof F]?: Read<F[K]> };

function shape<T>(type: string, of: (value: unknown, at: string, wrong: () => never) => T): Shape<T> {
  return {
    type,
    read: (value, at) => {
      if (value === undefined || value === null) return undefined;
      return of(value, at, () => {
        throw new DockerError(400, `json: cannot unmarshal ${goKind(value)} into field ${at} of type ${type}`);
      });
    },
  };
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return `number ${String(value)}`;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return `number ${String(value)}`;
  return { string: 'string', number: 'number', boolean: 'bool' }[typeof value as string] ?? 'object';
}

/** NUL ends every text of the kernel's. */
export const text: Shape<string> = shape('string', (value, at, wrong) => {
  if (typeof value !== 'string') return wrong();
  if (value.includes('\0')) throw new DockerError(400, `invalid value for ${at}: it has a NUL`);
  return value;
});

export const flag: Shape<boolean> = shape('bool', (value, _at, wrong) =>
  typeof value === 'boolean' ? value : wrong(),
);

/** Of 64 bits; beyond 2^53, which no double has exactly, it is refused. */
export const integer: Shape<number> = shape('int64', (value, _at, wrong) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong(),
);

/** null among them is the zero of the type, as in Go. */
export function list<T>(of: Shape<T>, zero: T): Shape<readonly T[]> {
  return shape(`[]${of.type}`, (value, at, wrong) =>
    Array.isArray(value) ? value.map((one: unknown) => of.read(one, at) ?? zero) : wrong(),
  );
}

export const words: Shape<readonly string[]> = list(text, '');

/** A command: a list, or one text, which is its only word (strslice.go). */
export const command: Shape<readonly string[]> = {
  type: 'strslice.StrSlice',
  read: (value, at) => (typeof value === 'string' ? words.read([value], at) : words.read(value, at)),
};

export function map<T>(of: Shape<T>, zero: T): Shape<Readonly<Record<string, T>>> {
  return shape(`map[string]${of.type}`, (value, at, wrong) => {
    if (!isObject(value)) return wrong();
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [text.read(key, at) ?? '', of.read(one, at) ?? zero] as const),
    );
  });
}

export const texts: Shape<Readonly<Record<string, string>>> = map(text, '');

/** A set of names: `{"80/tcp": {}}`. */
export const names: Shape<Readonly<Record<string, object>>> = shape('map[string]struct {}', (value, at, wrong) => {
  if (!isObject(value)) return wrong();
  for (const one of Object.values(value)) if (one !== null && !isObject(one)) return wrong();
  return Object.fromEntries(Object.keys(value).map((key) => [text.read(key, at) ?? '', {}] as const));
});

/** `name`: of the type, in messages. Of fields that are the same but for their case the last counts. */
export function struct<F extends Fields>(name: string, fields: F): Shape<ReadFields<F>> {
  const known = new Map(Object.keys(fields).map((field) => [field.toLowerCase(), field]));
  return shape(name, (value, at, wrong) => {
    if (!isObject(value)) return wrong();
    const read: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(value)) {
      const field = known.get(key.toLowerCase());
      const found = field === undefined ? undefined : fields[field]?.read(one, at === '' ? field : `${at}.${field}`);
      if (field !== undefined && found !== undefined) read[field] = found;
    }
    return read as ReadFields<F>;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
