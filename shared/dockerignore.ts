/**
 * .dockerignore: Docker's reference manual, ".dockerignore file". Patterns as filepath.Match of Go has them, and "**" for any
 * number of directories; what a later line says counts, and what a line says of a directory it says of all in it.
 */

type Piece =
  /** Any number of characters but a slash. */
  { readonly is: 'star' } | { readonly is: 'one'; readonly fits: (character: string) => boolean };

interface Rule {
  /** "!": what it fits is there all the same. */
  readonly isException: boolean;
  /** By directory; undefined: any number of them. */
  readonly parts: readonly (readonly Piece[] | undefined)[];
}

export type IgnoreRules = readonly Rule[];

export class InvalidPattern extends Error {
  override name = 'InvalidPattern';
}

/** Throws InvalidPattern. */
export function parseIgnore(text: string): IgnoreRules {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line) => ruleOf(line));
}

function ruleOf(line: string): Rule[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const isException = trimmed.startsWith('!');
  const pattern = cleaned(isException ? trimmed.slice(1).trim() : trimmed);
  if (pattern === '' || pattern === '.') {
    if (isException && pattern === '') throw new InvalidPattern('illegal exclusion pattern: "!"');
    return [];
  }
  const parts = pattern.split('/').map((part) => (part === '**' ? undefined : piecesOf(part)));
  return [{ isException, parts }];
}

/** As path.Clean of Go, and without what stands before the first name. */
function cleaned(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function piecesOf(part: string): Piece[] {
  const characters = Array.from(part);
  const pieces: Piece[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at];
    if (character === '*') {
      // "a**b" is as "a*b": between the slashes it goes no further
      if (pieces.at(-1)?.is !== 'star') pieces.push({ is: 'star' });
    } else if (character === '?') pieces.push({ is: 'one', fits: () => true });
    else if (character === '[') {
      const { fits, last } = classOf(characters, at + 1, part);
      pieces.push({ is: 'one', fits });
      at = last;
    } else {
      if (character === '\\') at++;
      const wanted = characters[at];
      if (wanted === undefined) throw refused(part);
      pieces.push({ is: 'one', fits: (other) => other === wanted });
    }
  }
  return pieces;
}

function refused(part: string): InvalidPattern {
  return new InvalidPattern(`syntax error in pattern: ${JSON.stringify(part.slice(0, 128))}`);
}

function classOf(characters: readonly string[], from: number, part: string) {
  let at = from;
  const isNegated = characters[at] === '^' || characters[at] === '!';
  if (isNegated) at++;
  const ranges: (readonly [low: string, high: string])[] = [];
  const next = (): string => {
    if (characters[at] === '\\') at++;
    const character = characters[at++];
    if (character === undefined) throw refused(part);
    return character;
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = next();
    if (characters[at] === '-' && characters[at + 1] !== ']') {
      at++;
      ranges.push([low, next()]);
    } else ranges.push([low, low]);
  }
  const fits = (other: string): boolean => ranges.some(([low, high]) => low <= other && other <= high) !== isNegated;
  return { fits, last: at };
}

/** `path`: below the context, "a/b". */
export function isIgnored(rules: IgnoreRules, path: string): boolean {
  const names = path.split('/').map((name) => Array.from(name));
  let ignored = false;
  for (const { isException, parts } of rules) {
    if (ignored === isException && fits(parts, names)) ignored = !isException;
  }
  return ignored;
}

/** Something below it may be there though it is ignored itself. */
export function mayHoldExceptions(rules: IgnoreRules): boolean {
  return rules.some(({ isException }) => isException);
}

/**
 * The path itself, or a directory that it is in. Only the last "**" is tried again: what the one before it took can be left
 * as it was. So the time is the product of both lengths at most.
 */
function fits(parts: Rule['parts'], names: readonly (readonly string[])[]): boolean {
  let [part, at] = [0, 0];
  let any: { readonly part: number; at: number } | undefined;
  for (;;) {
    const pieces = parts[part];
    const name = names[at];
    if (part === parts.length) return at > 0;
    if (pieces === undefined) {
      // at the end it stands for at least one name
      if (part === parts.length - 1) return name !== undefined;
      any = { part, at };
      part++;
    } else if (name !== undefined && matches(pieces, name)) {
      part++;
      at++;
    } else {
      if (any === undefined || any.at >= names.length) return false;
      any.at++;
      part = any.part + 1;
      at = any.at;
    }
  }
}

function matches(pieces: readonly Piece[], name: readonly string[]): boolean {
  let [piece, at] = [0, 0];
  let star: { readonly piece: number; at: number } | undefined;
  for (;;) {
    const next = pieces[piece];
    const character = name[at];
    if (next?.is === 'star') {
      star = { piece, at };
      piece++;
    } else if (next === undefined && character === undefined) return true;
    else if (next !== undefined && character !== undefined && next.fits(character)) {
      piece++;
      at++;
    } else {
      if (star === undefined || star.at >= name.length) return false;
      star.at++;
      piece = star.piece + 1;
      at = star.at;
    }
  }
}
