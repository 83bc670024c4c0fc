/** The parser of the command line: long and short flags as pflag (docker's) reads them, driven by a command's table. */
import { Given } from '../shared/command-line/given.ts';
import type { Flag } from './command.ts';
import { UsageError } from './errors.ts';
import { nearest } from './suggest.ts';

/** What a command was given. */
export class Arguments extends Given<Flag> {
  integer(name: string): number | undefined {
    return this.number(name);
  }

  number(name: string): number | undefined {
    const text = this.string(name);
    return text === undefined ? undefined : Number(text);
  }
}

const BOOLEANS: Readonly<Record<string, string>> = {
  true: 'true',
  t: 'true',
  '1': 'true',
  false: 'false',
  f: 'false',
  '0': 'false',
};

/** `interspersed` false: the first operand ends the flags, as for `run` and `exec`. Throws UsageError. */
export function parseArguments(words: readonly string[], flags: readonly Flag[], interspersed: boolean): Arguments {
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  let index = 0;

  const set = (flag: Flag, spelled: string, value: string): void => {
    const list = values.get(flag.name) ?? [];
    list.push(checkedValue(flag, spelled, value));
    values.set(flag.name, list);
  };
  const nextWord = (spelled: string): string => {
    index += 1;
    const word = words[index];
    if (word === undefined) throw new UsageError(`flag ${spelled} needs a value`);
    return word;
  };

  for (; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      operands.push(...words.slice(index + 1));
      break;
    }
    if (word.startsWith('--')) {
      readLong(word, flags, set, nextWord);
    } else if (word.startsWith('-') && word.length > 1) {
      readShort(word, flags, set, nextWord);
    } else if (interspersed) {
      operands.push(word);
    } else {
      operands.push(...words.slice(index));
      break;
    }
  }
  return new Arguments(flags, values, operands);
}

type Setter = (flag: Flag, spelled: string, value: string) => void;
type Next = (spelled: string) => string;

/** `--name`, `--name value`, `--name=value`. */
function readLong(word: string, flags: readonly Flag[], set: Setter, next: Next): void {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const flag = flags.find((candidate) => candidate.name === name || candidate.aliases?.includes(name) === true);
  if (flag === undefined) throw unknownFlag(`--${name}`, flags);
  refuse(flag, `--${name}`);
  if (equals !== -1) set(flag, `--${name}`, word.slice(equals + 1));
  else if (flag.type === 'boolean') set(flag, `--${name}`, 'true');
  else set(flag, `--${name}`, next(`--${name}`));
}

/** `-it`, `-m512m`, `-m 512m`, `-m=512m`. */
function readShort(word: string, flags: readonly Flag[], set: Setter, next: Next): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const flag = flags.find((candidate) => candidate.short === letter);
    if (flag === undefined) {
      const whole = word.length > 2 ? ` in ${word}` : '';
      throw new UsageError(`unknown flag: -${letter}${whole}`, shortHint(word, flags));
    }
    refuse(flag, `-${letter}`);
    const rest = word.slice(at + 1);
    if (flag.type === 'boolean') {
      if (!rest.startsWith('=')) {
        set(flag, `-${letter}`, 'true');
        continue;
      }
      set(flag, `-${letter}`, rest.slice(1));
    } else if (rest === '') set(flag, `-${letter}`, next(`-${letter}`));
    else set(flag, `-${letter}`, rest.startsWith('=') ? rest.slice(1) : rest);
    return;
  }
}

function refuse(flag: Flag, spelled: string): void {
  if (flag.refused !== undefined) throw new UsageError(`${spelled} is not supported: ${flag.refused}`);
}

function unknownFlag(spelled: string, flags: readonly Flag[]): UsageError {
  const known = flags.filter((flag) => flag.refused === undefined).map((flag) => `--${flag.name}`);
  const near = nearest(spelled, known);
  return new UsageError(`unknown flag: ${spelled}`, near === undefined ? {} : { hint: `did you mean ${near}?` });
}

/** `-rm` is a frequent slip for `--rm`. */
function shortHint(word: string, flags: readonly Flag[]): { hint?: string } {
  const long = flags.find((flag) => `-${flag.name}` === word && flag.refused === undefined);
  return long === undefined ? {} : { hint: `did you mean --${long.name}?` };
}

function checkedValue(flag: Flag, spelled: string, value: string): string {
  switch (flag.type) {
    case 'boolean': {
      const read = BOOLEANS[value.toLowerCase()];
      if (read === undefined) throw new UsageError(`flag ${spelled} takes true or false, not "${value}"`);
      return read;
    }
    case 'integer':
      if (!/^[+-]?\d+$/.test(value)) throw new UsageError(`flag ${spelled} takes a whole number, not "${value}"`);
      if (!Number.isSafeInteger(Number(value))) throw new UsageError(`flag ${spelled}: ${value} is out of range`);
      return value;
    case 'number':
      if (!/^[+-]?(\d+([.]\d*)?|[.]\d+)$/.test(value)) {
        throw new UsageError(`flag ${spelled} takes a number, not "${value}"`);
      }
      return value;
    default:
      return value;
  }
}
