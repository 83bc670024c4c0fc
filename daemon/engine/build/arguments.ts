/**
 * Arguments of a build: Docker's reference manual of the Dockerfile, ARG, "Scope", "Predefined ARGs". One that is given
 * counts from its ARG on; what ARGs before the first FROM say is for FROM, and for ARGs of the same name without a value.
 */
import type { Platform } from '../../images/manifest/platform.ts';
import { platformText } from '../../images/manifest/platform.ts';
import type { Variables } from '../../images/manifest/dockerfile-words.ts';
import { EngineError } from '../errors.ts';

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
/** Have a value without an ARG, where one is given, and are in no key: what they say is not what is built. */
const PREDEFINED: ReadonlySet<string> = new Set([...PROXIES, ...PROXIES.map((name) => name.toLowerCase())]);

export class BuildArguments {
  private readonly given: ReadonlyMap<string, string>;
  private readonly used = new Set<string>();
  /** Of ARGs before the first FROM. */
  private readonly global = new Map<string, string>();

  /** `pairs`: "NAME=value". Throws `invalid_field`. */
  constructor(pairs: readonly string[], { build, target }: { readonly build: Platform; readonly target: Platform }) {
    this.given = new Map(pairs.map((pair) => parsePair(pair)));
    for (const [prefix, platform] of [
      ['BUILD', build],
      ['TARGET', target],
    ] as const) {
      this.global.set(`${prefix}PLATFORM`, platformText(platform));
      this.global.set(`${prefix}OS`, platform.os);
      this.global.set(`${prefix}ARCH`, platform.architecture);
      this.global.set(`${prefix}VARIANT`, platform.variant ?? '');
    }
  }

  /** What `$NAME` means in a FROM. */
  get forFrom(): Variables {
    return this.global;
  }

  /** An ARG before the first FROM. */
  declareGlobal(name: string, value: string | undefined): void {
    const chosen = this.take(name) ?? value;
    if (chosen !== undefined) this.global.set(name, chosen);
  }

  /** Of a new stage. */
  scope(): ArgumentScope {
    const take = (name: string): string | undefined => this.take(name);
    const predefined = [...this.given].filter(([name]) => PREDEFINED.has(name));
    for (const [name] of predefined) this.used.add(name);
    return new ArgumentScope(take, this.global, new Map(predefined));
  }

  /** Those that were given and that no ARG has named. */
  get unused(): string[] {
    return [...this.given.keys()].filter((name) => !this.used.has(name)).sort();
  }

  private take(name: string): string | undefined {
    this.used.add(name);
    return this.given.get(name);
  }
}

export class ArgumentScope {
  /** What `$NAME` means, and what RUN has in its environment. */
  readonly variables: Map<string, string>;
  /** Those of them that make a difference to what is built. */
  private readonly declared = new Set<string>();
  private readonly take: (name: string) => string | undefined;
  private readonly global: Variables;

  constructor(take: (name: string) => string | undefined, global: Variables, predefined: Variables) {
    this.take = take;
    this.global = global;
    this.variables = new Map(predefined);
  }

  declare(name: string, value: string | undefined): void {
    const chosen = this.take(name) ?? value ?? this.global.get(name);
    this.declared.add(name);
    if (chosen === undefined) this.variables.delete(name);
    else this.variables.set(name, chosen);
  }

  /** "NAME=value" of what the environment does not have, in order; `relevant`: without those that change nothing. */
  pairs(environment: Variables): { readonly all: string[]; readonly relevant: string[] } {
    const free = [...this.variables].filter(([name]) => !environment.has(name));
    const texts = (pairs: [string, string][]): string[] => pairs.map(([name, value]) => `${name}=${value}`).sort();
    return { all: texts(free), relevant: texts(free.filter(([name]) => this.declared.has(name))) };
  }
}

function parsePair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)];
  throw new EngineError('invalid_field', `buildArg: "${pair.slice(0, 128)}" is not NAME=value`, { field: 'buildArg' });
}
