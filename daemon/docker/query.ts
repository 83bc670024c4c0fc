/** Query parameters as dockerd reads them: unknown ones are ignored, the first of several counts. */
import { DockerError } from './error.ts';
import { type Filters, parseFilters } from './filters.ts';

const FALSE: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

export class DockerQuery {
  private readonly raw: Readonly<Record<string, string | string[] | undefined>>;

  constructor(raw: Readonly<Record<string, string | string[] | undefined>>) {
    this.raw = raw;
  }

  /** Undefined where it is not given; "" where it is empty. Throws DockerError 400 for one with NUL. */
  text(name: string): string | undefined {
    return this.all(name)[0];
  }

  all(name: string): readonly string[] {
    const value = Object.hasOwn(this.raw, name) ? this.raw[name] : undefined;
    const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    if (values.some((text) => text.includes('\0'))) throw new DockerError(400, `invalid value for ${name}: NUL`);
    return values;
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.text(name);
    return value === undefined ? otherwise : !FALSE.has(value.trim().toLowerCase());
  }

  /** Undefined where it is not given or empty. Throws DockerError 400. */
  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined || value === '') return undefined;
    if (!/^[+-]?[0-9]{1,15}$/.test(value)) {
      throw new DockerError(
        400,
        `invalid value for ${name}: ${JSON.stringify(value.slice(0, 64))} is not a whole number`,
      );
    }
    return Number(value);
  }

  /** Throws DockerError 400 for keys that are not `known`. */
  filters(known: readonly string[]): Filters {
    return parseFilters(this.text('filters'), known);
  }
}
