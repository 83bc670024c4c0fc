/** Patterns of names as path.Match of Go has them: "*" and "?" stop at a slash, "[a-z]" and "[^a-z]" are classes, "\" quotes. */
import { EngineError } from '../errors.ts';

type Part =
  | { readonly is: 'star' }
  /** One character, of those that `fits` takes. */
  | { readonly is: 'one'; readonly fits: (character: string) => boolean };

/** Throws `invalid_field`, with the field's name, for what is no pattern. */
export function patternOf(text: string, field: string): (name: string) => boolean {
  const parts = parse(Array.from(text), text, field);
  return (name) => matches(parts, Array.from(name));
}

function refuse(text: string, field: string): never {
  throw new EngineError('invalid_field', `${field}: "${text.slice(0, 128)}" is not a pattern`, { field });
}

function parse(characters: readonly string[], text: string, field: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at];
    if (character === '*') {
      if (parts.at(-1)?.is !== 'star') parts.push({ is: 'star' });
    } else if (character === '?') {
      parts.push({ is: 'one', fits: (other) => other !== '/' });
    } else if (character === '[') {
      const set = parseClass(characters, at + 1, text, field);
      parts.push({ is: 'one', fits: set.fits });
      at = set.last;
    } else {
      if (character === '\\') at++;
      const wanted = characters[at] ?? refuse(text, field);
      parts.push({ is: 'one', fits: (other) => other === wanted });
    }
  }
  return parts;
}

/** `from`: what follows the bracket. `last`: where the closing one is. */
function parseClass(characters: readonly string[], from: number, text: string, field: string) {
  let at = from;
  const isNegated = characters[at] === '^';
  if (isNegated) at++;
  const ranges: (readonly [low: string, high: string])[] = [];
  const next = (): string => {
    if (characters[at] === '\\') at++;
    else if (characters[at] === '-' || characters[at] === ']') refuse(text, field);
    return characters[at++] ?? refuse(text, field);
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = next();
    if (characters[at] !== '-') {
      ranges.push([low, low]);
      continue;
    }
    at++;
    ranges.push([low, next()]);
  }
  // as in Go, a class may be a slash's too
  const fits = (other: string): boolean =>
    ranges.some(([low, high]) => order(low) <= order(other) && order(other) <= order(high)) !== isNegated;
  return { fits, last: at };
}

function order(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/**
 * Only the last star is tried again: what the one before it took can be left as it was, for the text between two stars
 * that a slash parts is found in one place alone. So the time is the product of both lengths at most.
 */
function matches(parts: readonly Part[], name: readonly string[]): boolean {
  let [part, at] = [0, 0];
  let star: { readonly part: number; at: number } | undefined;
  for (;;) {
    const next = parts[part];
    const character = name[at];
    if (next?.is === 'star') {
      star = { part, at };
      part++;
    } else if (next === undefined ? character === undefined : character !== undefined && next.fits(character)) {
      if (next === undefined) return true;
      part++;
      at++;
    } else {
      if (star === undefined || star.at >= name.length || name[star.at] === '/') return false;
      star.at++;
      part = star.part + 1;
      at = star.at;
    }
  }
}
