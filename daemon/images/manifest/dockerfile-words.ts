/** The words of a Dockerfile's line: quotes, escapes, variables, lists in JSON. Docker's manual of the Dockerfile, "Parser", "Environment replacement". */
import { shown } from '../errors.ts';
import { InvalidChange } from './invalid-change.ts';

export type Variables = ReadonlyMap<string, string>;

const BLANK = /[ \t]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
/** `${A:-${B:-…}}`: nobody goes so deep. */
const DEEPEST = 8;
/** Of one value, and of all of a line: no argument or variable of a program may be longer (MAX_ARG_STRLEN of Linux). */
const LENGTH_MAX = 128 * 1024;

/** `["a", "b"]`; undefined where it is no list. Throws InvalidChange where something in the list is not text. */
export function jsonWords(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(rest);
  } catch {
    // "[ -f file ]" is a line for the shell.
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  if (!list.every((word) => typeof word === 'string' && !word.includes('\0') && word.isWellFormed())) {
    throw new InvalidChange('a list in brackets is of texts in double quotes');
  }
  return list as string[];
}

/** Parted by blanks that are in no quotes; quotes and escapes stay. Throws InvalidChange where a quote has no end. */
export function wordsOf(rest: string, escape = '\\'): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < rest.length; at++) {
    const character = rest.charAt(at);
    if (character === escape && quote !== "'") {
      word += character + rest.charAt(++at);
    } else if (quote === '' && BLANK.test(character)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      if (quote === character) quote = '';
      else if (quote === '' && (character === '"' || character === "'")) quote = character;
      word += character;
    }
  }
  if (quote !== '') throw new InvalidChange(`a quote ${quote} has no end`);
  if (word !== '') words.push(word);
  return words;
}

/** "A=1 B='2 3'", or of old "A 1 2 3". Undefined where it is neither. */
export function pairsOf(
  rest: string,
  variables: Variables,
  escape = '\\',
): [name: string, value: string][] | undefined {
  const words = wordsOf(rest, escape);
  const [first] = words;
  if (first === undefined) return undefined;
  if (!first.includes('=')) {
    const value = rest.slice(rest.indexOf(first) + first.length).trim();
    return words.length === 1 ? undefined : [[expanded(first, variables, escape), expanded(value, variables, escape)]];
  }
  if (!words.every((word) => word.includes('='))) return undefined;
  let length = 0;
  return words.map((word) => {
    const equals = word.indexOf('=');
    const value = expanded(word.slice(equals + 1), variables, escape);
    length += value.length;
    checkLength(length);
    return [expanded(word.slice(0, equals), variables, escape), value];
  });
}

function checkLength(length: number): void {
  if (length > LENGTH_MAX) throw new InvalidChange('its values are too long');
}

/** Without its quotes and escapes, and with what its variables stand for. Throws InvalidChange. */
export function expanded(text: string, variables: Variables, escape = '\\'): string {
  return new Expansion(text, variables, escape, 0).all();
}

/** The path from a directory on; an absolute one stands for itself. ".." ends at "/". */
export function joinedPath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith('/') ? '' : `${directory}/`}${path}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

class Expansion {
  private readonly text: string;
  private readonly variables: Variables;
  private readonly escape: string;
  private readonly depth: number;
  private at = 0;

  constructor(text: string, variables: Variables, escape: string, depth: number) {
    this.text = text;
    this.variables = variables;
    this.escape = escape;
    this.depth = depth;
    if (depth > DEEPEST) throw new InvalidChange('its variables are in one another too deep');
  }

  all(): string {
    let result = '';
    while (this.at < this.text.length) {
      const character = this.text.charAt(this.at);
      if (character === "'") result += this.single();
      else if (character === '"') result += this.double();
      else result += this.next('');
      checkLength(result.length);
    }
    return result;
  }

  private single(): string {
    const end = this.text.indexOf("'", this.at + 1);
    if (end === -1) throw new InvalidChange("a quote ' has no end");
    const inside = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return inside;
  }

  private double(): string {
    let result = '';
    for (this.at++; this.text.charAt(this.at) !== '"';) {
      if (this.at >= this.text.length) throw new InvalidChange('a quote " has no end');
      result += this.next(`"$${this.escape}`);
      checkLength(result.length);
    }
    this.at++;
    return result;
  }

  /** A character, an escaped one or a variable. `escapable`: what a backslash takes the meaning of; "" for all. */
  private next(escapable: string): string {
    const character = this.text.charAt(this.at++);
    if (character === '$') return this.variable();
    if (character !== this.escape || this.at >= this.text.length) return character;
    const escaped = this.text.charAt(this.at++);
    return escapable === '' || escapable.includes(escaped) ? escaped : `${this.escape}${escaped}`;
  }

  private variable(): string {
    const isBraced = this.text.charAt(this.at) === '{';
    if (isBraced) this.at++;
    const name = NAME.exec(this.text.slice(this.at))?.[0];
    if (name === undefined) {
      if (isBraced) throw new InvalidChange(`"${shown(this.text)}" has a variable without a name`);
      return '$';
    }
    this.at += name.length;
    const value = this.variables.get(name);
    return isBraced ? this.braced(value) : (value ?? '');
  }

  private braced(value: string | undefined): string {
    const start = this.at;
    let open = 1;
    for (; open > 0; this.at++) {
      if (this.at >= this.text.length) throw new InvalidChange(`"${shown(this.text)}" has a brace without an end`);
      const character = this.text.charAt(this.at);
      if (character === '{') open++;
      else if (character === '}') open--;
    }
    const inside = this.text.slice(start, this.at - 1);
    const operator = inside.slice(0, 2);
    const other = (): string => new Expansion(inside.slice(2), this.variables, this.escape, this.depth + 1).all();
    const isSet = value !== undefined && value !== '';
    if (inside === '') return value ?? '';
    if (operator === ':-') return isSet ? value : other();
    if (operator === ':+') return isSet ? other() : '';
    throw new InvalidChange(`"${shown(inside)}" is not ":-…" or ":+…" behind a variable's name`);
  }
}
