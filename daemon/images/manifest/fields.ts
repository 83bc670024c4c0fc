/**
 * JSON of strangers, field by field. null counts as absent, as it does for the programs in Go that write these
 * documents; unknown fields are passed over, as image-spec asks (considerations.md, "Extensibility"). What is there
 * has the right type or the document is refused with the field's name.
 */
import { JsonError, parseJson } from '../../../shared/json.ts';
import { isDigest, type Digest } from '../digest.ts';
import { ImageError, shown, type ImageErrorCode } from '../errors.ts';

/** 4 MiB: what distribution-spec asks registries to take (spec.md, "Pushing Manifests"). */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 32;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Fields {
  /** Such as "manifest sha256:…"; begins every message. */
  readonly document: string;
  private readonly path: string;
  private readonly code: ImageErrorCode;
  private readonly values: ReadonlyMap<string, unknown>;

  private constructor(document: string, path: string, value: unknown, code: ImageErrorCode) {
    this.document = document;
    this.path = path;
    this.code = code;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ImageError(code, `${document}: ${path === '' ? 'it' : path} is not an object`);
    }
    this.values = new Map(Object.entries(value).filter(([, entry]) => entry !== null));
  }

  /** Throws ImageError `code`, or too_large, as all of this class. */
  static parse(bytes: Uint8Array, document: string, code: ImageErrorCode = 'manifest_invalid'): Fields {
    if (bytes.length > DOCUMENT_BYTES_MAX) {
      throw new ImageError('too_large', `${document}: ${bytes.length} bytes, more than ${DOCUMENT_BYTES_MAX}`);
    }
    try {
      return new Fields(document, '', parseJson(UTF8.decode(bytes), DEPTH_MAX), code);
    } catch (error) {
      if (error instanceof ImageError) throw error;
      const problem = error instanceof JsonError ? shown(error.message) : 'not UTF-8';
      throw new ImageError(code, `${document}: ${problem}`, { cause: error });
    }
  }

  /** Names of what is there. */
  names(): string[] {
    return [...this.values.keys()];
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** As JSON has it; undefined where absent or null. */
  raw(name: string): unknown {
    return this.values.get(name);
  }

  refuse(name: string, problem: string): never {
    throw new ImageError(this.code, `${this.document}: ${this.at(name)} ${problem}`);
  }

  text(name: string): string | undefined {
    const value = this.values.get(name);
    if (value === undefined) return undefined;
    return this.checkText(name, value);
  }

  boolean(name: string): boolean | undefined {
    const value = this.values.get(name);
    if (value !== undefined && typeof value !== 'boolean') this.refuse(name, 'is not true or false');
    return value;
  }

  /** A whole number within [least, 2^53). */
  integer(name: string, least: number): number | undefined {
    const value = this.values.get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'bigint') return this.refuse(name, 'is a number beyond 2^53');
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      this.refuse(name, `is not a whole number of at least ${least}`);
    }
    return value as number;
  }

  digest(name: string): Digest {
    const value = this.required(name, this.text(name));
    if (!isDigest(value)) this.refuse(name, `is "${shown(value)}", which is not a digest`);
    return value;
  }

  object(name: string): Fields | undefined {
    const value = this.values.get(name);
    return value === undefined ? undefined : new Fields(this.document, this.at(name), value, this.code);
  }

  texts(name: string, most: number): string[] | undefined {
    return this.list(name, most)?.map((value, index) => this.checkText(`${name}[${index}]`, value));
  }

  objects(name: string, most: number): Fields[] | undefined {
    return this.list(name, most)?.map(
      (value, index) => new Fields(this.document, this.at(`${name}[${index}]`), value, this.code),
    );
  }

  /** Text under any names. Without a prototype, so that no name is special. */
  textMap(name: string): Readonly<Record<string, string>> | undefined {
    const fields = this.object(name);
    if (fields === undefined) return undefined;
    const map = Object.create(null) as Record<string, string>;
    for (const key of fields.names()) map[key] = fields.checkText(key, fields.raw(key));
    return map;
  }

  /** Names of an object whose values say nothing: ExposedPorts, Volumes. */
  nameSet(name: string): string[] | undefined {
    const value = this.values.get(name);
    if (value === undefined) return undefined;
    // null is what Go writes for the empty struct in some programs, so values are not looked at.
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.refuse(name, 'is not an object');
    return Object.keys(value).map((key) => this.checkText(name, key));
  }

  required<T>(name: string, value: T | undefined): T {
    return value ?? this.refuse(name, 'is missing');
  }

  private list(name: string, most: number): unknown[] | undefined {
    const value = this.values.get(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.refuse(name, 'is not a list');
    if (value.length > most) this.refuse(name, `has ${value.length} entries, more than ${most}`);
    return value as unknown[];
  }

  private checkText(name: string, value: unknown): string {
    if (typeof value !== 'string') this.refuse(name, 'is not text');
    if (value.includes('\0')) this.refuse(name, 'contains a NUL character');
    if (!value.isWellFormed()) this.refuse(name, 'is not well-formed Unicode');
    return value;
  }

  private at(name: string): string {
    return shown(this.path === '' ? name : `${this.path}.${name}`);
  }
}
