/** The parser of the command line: flags as Go's flag package and so runc reads them, driven by a command's table. */
import { Given } from '../shared/command-line/given.ts';
import type { Flag } from './command.ts';
import { UsageError } from './errors.ts';

/** What a command was given. */
export class Arguments extends Given<Flag> {
  /** Of a flag of type "integer". A bigint beyond 2^53. */
  integer(name: string): number | bigint | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = BigInt(text.replace(/^[+]/, ''));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** Flags that were given although they do nothing here, in the order of the table. */
  ignored(): readonly Flag[] {
    return this.flags.filter(({ name, ignored }) => ignored !== undefined && this.values.has(name));
  }
}

/** What Go's strconv.ParseBool takes. */
const BOOLEANS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['true', 'TRUE', 'True', 't', 'T', '1'].map((word) => [word, 'true'])),
  ...Object.fromEntries(['false', 'FALSE', 'False', 'f', 'F', '0'].map((word) => [word, 'false'])),
};

const I64_MIN = -(1n << 63n);
const U64_MAX = (1n << 64n) - 1n;

/**
 * One dash or two, `-name value` or `-name=value`; "--" ends the flags. `interspersed` false: the first operand ends
 * them too, as for `exec`, whose command has flags of its own. Throws UsageError.
 */
export function parseArguments(words: readonly string[], flags: readonly Flag[], interspersed: boolean): Arguments {
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      operands.push(...words.slice(index + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      if (!interspersed) {
        operands.push(...words.slice(index));
        break;
      }
      operands.push(word);
      continue;
    }
    const { spelled, flag, given } = readFlag(word, flags);
    const value = given ?? (flag.type === 'boolean' ? 'true' : words[++index]);
    if (value === undefined) throw new UsageError(`flag ${spelled} needs a value`);
    values.set(flag.name, [...(values.get(flag.name) ?? []), checkedValue(flag, spelled, value)]);
  }
  return new Arguments(flags, values, operands);
}

/** The flag that `word` names, and the value that stands behind its "=". */
function readFlag(word: string, flags: readonly Flag[]): { spelled: string; flag: Flag; given: string | undefined } {
  const equals = word.indexOf('=');
  const spelled = equals === -1 ? word : word.slice(0, equals);
  const name = spelled.replace(/^--?/, '');
  const flag = flags.find((known) => known.name === name || known.short === name || known.aliases?.includes(name));
  if (flag === undefined) throw new UsageError(`unknown flag ${spelled}`);
  if (flag.refused !== undefined) throw new UsageError(`${spelled} is not supported: ${flag.refused}`);
  return { spelled, flag, given: equals === -1 ? undefined : word.slice(equals + 1) };
}

function checkedValue(flag: Flag, spelled: string, value: string): string {
  if (flag.type === 'boolean') {
    const read = Object.hasOwn(BOOLEANS, value) ? BOOLEANS[value] : undefined;
    if (read === undefined) throw new UsageError(`flag ${spelled} takes true or false, not ${JSON.stringify(value)}`);
    return read;
  }
  if (flag.type === 'integer') return checkedInteger(spelled, value);
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    throw new UsageError(`flag ${spelled} takes ${flag.choices.join(' or ')}, not ${JSON.stringify(value)}`);
  }
  return value;
}

function checkedInteger(spelled: string, value: string): string {
  if (!/^[+-]?\d{1,32}$/.test(value)) {
    throw new UsageError(`flag ${spelled} takes a whole number, not ${JSON.stringify(value)}`);
  }
  const integer = BigInt(value.replace(/^[+]/, ''));
  if (integer < I64_MIN || integer > U64_MAX) throw new UsageError(`flag ${spelled}: ${value} is out of range`);
  return value;
}
