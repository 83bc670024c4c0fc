/**
 * A Dockerfile as a list of instructions: Docker's reference manual of the Dockerfile, "Format", "Parser directives",
 * "Here-documents". Its text is what a stranger wrote; it is read once, line by line, and nothing in it is looked at twice.
 */
import { shown } from '../../images/errors.ts';
import { type Heredoc, heredocsOf } from './heredoc.ts';
import { InvalidDockerfile, at } from './invalid-dockerfile.ts';

/** Bytes. */
export const DOCKERFILE_MAX = 1024 * 1024;
/** Also of triggers that base images bring along. */
export const INSTRUCTIONS_MAX = 1000;

/** Characters of one, its here-documents among them: no argument of a program is longer (MAX_ARG_STRLEN of Linux). */
export const INSTRUCTION_LENGTH_MAX = 128 * 1024;

export const KEYWORDS = [
  ...['ADD', 'ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'MAINTAINER'],
  ...['ONBUILD', 'RUN', 'SHELL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
] as const;

export type Escape = '\\' | '`';

export interface Instruction {
  /** In capital letters. */
  readonly keyword: string;
  /** What stands before the words, without its dashes: "from=build". */
  readonly flags: readonly string[];
  /** All the rest of the line. */
  readonly rest: string;
  /** As it is shown: the lines joined. */
  readonly text: string;
  /** The first of its lines, from 1. */
  readonly line: number;
  readonly heredocs: readonly Heredoc[];
}

export interface Dockerfile {
  readonly escape: Escape;
  readonly instructions: readonly Instruction[];
}

/** HEALTHCHECK reads its own (daemon/images/manifest/healthcheck-line.ts). */
const WITH_FLAGS: ReadonlySet<string> = new Set(['ADD', 'COPY', 'FROM', 'RUN']);
const DIRECTIVE = /^#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(\S.*?)[ \t]*$/;

/** Throws InvalidDockerfile, which names the line. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const escape = escapeOf(lines);
  const instructions: Instruction[] = [];
  const reader = new Lines(lines, escape);
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    if (instructions.length >= INSTRUCTIONS_MAX) {
      throw new InvalidDockerfile(`it has more than ${INSTRUCTIONS_MAX} instructions`);
    }
    checkLength(line.text.length, line.number);
    const instruction = instructionOf(line.text, line.number);
    const heredocs = heredocsOf(instruction).map((heredoc) => reader.heredoc(heredoc, line.number));
    checkLength(heredocs.reduce((sum, { content }) => sum + content.length, 0), line.number);
    instructions.push({ ...instruction, heredocs });
  }
  if (instructions.length === 0) throw new InvalidDockerfile('file with no instructions');
  return { escape, instructions };
}

function checkLength(length: number, line: number): void {
  if (length > INSTRUCTION_LENGTH_MAX) throw at(line, `an instruction is longer than ${INSTRUCTION_LENGTH_MAX} characters`);
}

/** One line of a Dockerfile by itself: a trigger of ONBUILD, or a label of the build's own. Throws InvalidDockerfile. */
export function parseInstruction(text: string): Instruction {
  return { ...instructionOf(text.trim(), 1), heredocs: [] };
}

/** The directive "escape"; others (syntax, check) are for builders that are not this one, and are comments here. */
function escapeOf(lines: readonly string[]): Escape {
  let escape: Escape | undefined;
  for (const [index, line] of lines.entries()) {
    const [, name = '', value = ''] = DIRECTIVE.exec(line.trim()) ?? [];
    if (!['escape', 'syntax', 'check'].includes(name.toLowerCase())) break;
    if (name.toLowerCase() !== 'escape') continue;
    if (escape !== undefined) throw at(index + 1, 'only one escape parser directive can be used');
    if (value !== '\\' && value !== '`') throw at(index + 1, `invalid escape token '${shown(value)}' does not match \` or \\`);
    escape = value;
  }
  return escape ?? '\\';
}

class Lines {
  private readonly lines: readonly string[];
  private readonly continued: RegExp;
  private index = 0;

  constructor(lines: readonly string[], escape: Escape) {
    this.lines = lines;
    this.continued = escape === '\\' ? /(^|[^\\])\\[ \t]*$/ : /(^|[^`])`[ \t]*$/;
  }

  /** The next instruction, its lines joined; undefined at the end. */
  next(): { readonly text: string; readonly number: number } | undefined {
    while (this.index < this.lines.length) {
      const number = this.index + 1;
      const line = (this.lines[this.index++] ?? '').trimStart();
      if (line.startsWith('#') || line === '') continue;
      const text = this.joined(line).trim();
      if (text !== '') return { text, number };
    }
    return undefined;
  }

  /** Up to its end, with its tabs taken away where it says so. */
  heredoc(heredoc: Heredoc, line: number): Heredoc {
    const content: string[] = [];
    for (;;) {
      const next = this.lines[this.index++];
      if (next === undefined) throw at(line, `unterminated heredoc ${shown(heredoc.name)}`);
      const bare = heredoc.chomp ? next.replace(/^\t+/, '') : next;
      if (bare === heredoc.name) return { ...heredoc, content: content.map((each) => `${each}\n`).join('') };
      content.push(bare);
    }
  }

  private joined(first: string): string {
    const parts = [];
    let line = first;
    while (this.continued.test(line)) {
      parts.push(line.trimEnd().slice(0, -1));
      // comments and empty lines inside of it are none of it
      let next = this.lines[this.index++];
      while (next !== undefined && /^\s*(?:#|$)/.test(next)) next = this.lines[this.index++];
      if (next === undefined) return parts.join('');
      line = next;
    }
    return parts.join('') + line;
  }
}

function instructionOf(text: string, line: number): Omit<Instruction, 'heredocs'> {
  const [, word = '', after = ''] = /^(\S+)\s*([^]*)$/.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!(KEYWORDS as readonly string[]).includes(keyword)) throw at(line, `unknown instruction: ${shown(keyword)}`);
  const flags: string[] = [];
  let rest = after;
  while (WITH_FLAGS.has(keyword)) {
    const [whole, flag] = /^--([A-Za-z][^\s]*)(?:\s+|$)/.exec(rest) ?? [];
    if (whole === undefined || flag === undefined) break;
    flags.push(flag);
    rest = rest.slice(whole.length);
  }
  if (rest === '' && keyword !== 'CMD' && keyword !== 'ENTRYPOINT') {
    throw at(line, `${keyword} requires at least one argument`);
  }
  return { keyword, flags, rest, text, line };
}
