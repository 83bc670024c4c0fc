/** The header WWW-Authenticate: RFC 9110 sections 11.6.1 and 5.6, several challenges in one header included. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case; the first counts where one is given twice. */
  readonly parameters: ReadonlyMap<string, string>;
}

const LENGTH_MAX = 16 * 1024;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\uffff]|\\[\t \x21-\x7e\x80-\uffff])*)"/y;
const SPACE = /[ \t]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
/** Commas may stand alone: RFC 9110 section 5.6.1. */
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;

const END = /[ \t]*$/y;

class Cursor {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  get position(): number {
    return this.at;
  }

  back(position: number): void {
    this.at = position;
  }

  take(pattern: RegExp, group = 0): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.at = pattern.lastIndex;
    return match[group];
  }
}

/** One "name=value"; the cursor stays where it is if none is there. */
function takeParameter(cursor: Cursor): [name: string, value: string] | undefined {
  const start = cursor.position;
  const name = cursor.take(TOKEN);
  if (name !== undefined && cursor.take(EQUALS) !== undefined) {
    const quoted = cursor.take(QUOTED, 1)?.replace(/\\(.)/g, '$1');
    const value = quoted ?? cursor.take(TOKEN);
    if (value !== undefined) return [name.toLowerCase(), value];
  }
  cursor.back(start);
  return undefined;
}

function takeParameters(cursor: Cursor): Map<string, string> {
  const parameters = new Map<string, string>();
  for (;;) {
    const start = cursor.position;
    if (parameters.size > 0 && cursor.take(SEPARATOR) === undefined) return parameters;
    const parameter = takeParameter(cursor);
    if (parameter === undefined) {
      // What comes is the next challenge.
      cursor.back(start);
      return parameters;
    }
    const [name, value] = parameter;
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

/** What could be read; from where the header is not of the grammar nothing is. Never throws. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > LENGTH_MAX) return challenges;
  const cursor = new Cursor(header);
  cursor.take(SPACE);
  cursor.take(SEPARATOR);
  while (!cursor.isAtEnd) {
    const scheme = cursor.take(TOKEN)?.toLowerCase();
    if (scheme === undefined) break;
    cursor.take(SPACE);
    const parameters = takeParameters(cursor);
    if (parameters.size === 0) cursor.take(TOKEN68);
    challenges.push({ scheme, parameters });
    // At the end nothing is left to part; anything else that stands there is not of the grammar.
    if (cursor.take(SEPARATOR) === undefined && cursor.take(END) === undefined) break;
  }
  return challenges;
}
