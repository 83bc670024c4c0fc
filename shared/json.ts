/**
 * JSON as it comes from outside. `parseJson` differs from JSON.parse in that integers beyond ±2^53 become bigints
 * instead of being rounded, and in what it refuses: nesting deeper than `maxDepth`, a name twice in one object,
 * `__proto__` and `constructor.prototype`, and numbers too large for a double. `stringifyJson` writes bigints back digit by digit.
 */

export const MAX_JSON_DEPTH = 64;

/** Names that have changed what objects inherit from in too many programs to be let in. */
const PROTOTYPE_NAME = '__proto__';

/** Fewer characters than this cannot spell an integer beyond 2^53 (9007199254740993 has 16). */
const LONG_NUMBER = 16;

export class JsonError extends Error {
  override name = 'JsonError';
}

/**
 * `text` as a value; integers that a double cannot hold exactly are bigints.
 * @throws JsonError with a message that says what is wrong and, where it can, at which offset
 */
export function parseJson(text: string, maxDepth = MAX_JSON_DEPTH): unknown {
  const hasLongNumbers = scan(text, maxDepth);
  try {
    return hasLongNumbers ? (JSON.parse(text, keepInteger) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof JsonError) throw error;
    throw new JsonError(`not JSON: ${lowerFirst((error as Error).message)}`, { cause: error });
  }
}

/** JSON text of `value`, in which a bigint is a number with all its digits. */
export function stringifyJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(item) : item), indent);
}

/** The reviver's third argument: ECMAScript "JSON.parse source text access", not yet in TypeScript's own types. */
function keepInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  if (source !== undefined && /^-?[0-9]+$/.test(source)) return BigInt(source);
  if (!Number.isFinite(value)) throw new JsonError(`the number ${source ?? String(value)} is too large`);
  return value;
}

function rawJson(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}

interface Level {
  /** Names met so far; undefined for a list. */
  readonly names: Set<string> | undefined;
  /** The name under which this object or list lies. */
  readonly under: string | undefined;
  /** The name met last. */
  last: string | undefined;
  expectsName: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/**
 * One pass before JSON.parse over what that function does not refuse. Text that is not JSON passes or fails here as
 * it may: JSON.parse has the last word on syntax. Returns whether some number may not fit into a double.
 */
function scan(text: string, maxDepth: number): boolean {
  const levels: Level[] = [];
  let level: Level | undefined;
  let hasLongNumbers = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (level?.expectsName === true) {
        addName(level, text.slice(at, end + 1));
        level.expectsName = false;
      }
      at = end;
    } else if (code === BRACE_OPEN || code === BRACKET_OPEN) {
      if (levels.length === maxDepth) throw new JsonError(`nested deeper than ${String(maxDepth)} levels`);
      const isObject = code === BRACE_OPEN;
      level = { names: isObject ? new Set() : undefined, under: level?.last, last: undefined, expectsName: isObject };
      levels.push(level);
    } else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) {
      levels.pop();
      level = levels.at(-1);
    } else if (code === COMMA) {
      if (level?.names !== undefined) level.expectsName = true;
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, at);
      if (end - at >= LONG_NUMBER || hasExponent(text, at, end)) hasLongNumbers = true;
      at = end - 1;
    }
  }
  return hasLongNumbers;
}

function addName(level: Level, quoted: string): void {
  let name = quoted.slice(1, -1);
  if (quoted.includes('\\')) {
    try {
      name = JSON.parse(quoted) as string;
    } catch (error) {
      throw new JsonError(`not JSON: the name ${quoted.slice(0, 80)} has an unknown escape`, { cause: error });
    }
  }
  if (name === PROTOTYPE_NAME || (name === 'prototype' && level.under === 'constructor')) {
    throw new JsonError(`the name ${JSON.stringify(name)} is not allowed here`);
  }
  if (level.names?.has(name) === true)
    throw new JsonError(`the name ${JSON.stringify(name.slice(0, 80))} appears twice`);
  level.names?.add(name);
  level.last = name;
}

/** Offset of the quote that ends the string begun at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  throw new JsonError('not JSON: a text that does not end');
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isNumeric(text.charCodeAt(end))) end++;
  return end;
}

/** Digits, ".", "+", "-", "e", "E". */
function isNumeric(code: number): boolean {
  return (code >= ZERO && code <= NINE) || code === 0x2e || code === 0x2b || code === MINUS || (code | 0x20) === 0x65;
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((text.charCodeAt(at) | 0x20) === 0x65) return true;
  return false;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
