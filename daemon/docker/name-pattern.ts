/**
 * Names as filters ask for them. dockerd takes regular expressions of RE2, which are linear in what they read; those of
 * JavaScript are not, and whoever writes one could hold the daemon up. So the part of them that is used is done here:
 * plain text, "^", "$", ".", ".*", and "|" between, also in groups. Anything else is looked for as it stands.
 */
import { DockerError } from './error.ts';

const ALTERNATIVE = /^\^?(?:[A-Za-z0-9_/-]|\\?\.\*?)*\$?$/;
/** One without any in it, and without a count behind it; no "|" stands outside of groups. */
const GROUP = /^([^()|]*)\(([^()]*)\)(?![*+?{])([^|]*)$/;
const ALTERNATIVES_MAX = 64;
const LENGTH_MAX = 1024;
/** Stands for any character. */
const ANY = '\0';

type Match = (name: string) => boolean;

/** Whether a name is asked for. Throws DockerError 400 for a pattern that is endless. */
export function namePattern(asked: string): Match {
  if (asked.length > LENGTH_MAX) throw new DockerError(400, 'invalid filter: a name is too long');
  const alternatives = expanded(asked)?.flatMap((part) => part.split('|')) ?? [asked];
  if (!alternatives.every((part) => ALTERNATIVE.test(part) && !part.includes('\\.*'))) {
    return (name) => name.includes(asked);
  }
  const matches = alternatives.map(matcher);
  return (name) => name === asked || matches.some((match) => match(name));
}

/** With each word of each group in its place; undefined where that is too many, or no group that can be taken apart. */
function expanded(pattern: string): string[] | undefined {
  let parts = [pattern];
  for (let depth = 0; parts.some((part) => part.includes('(')); depth++) {
    parts = parts.flatMap((part) => {
      const [whole, before = '', words = '', after = ''] = GROUP.exec(part) ?? [];
      return whole === undefined ? [part] : words.split('|').map((word) => before + word + after);
    });
    if (parts.length > ALTERNATIVES_MAX || depth > ALTERNATIVES_MAX) return undefined;
  }
  return parts;
}

/** Each piece at the first place that it fits behind the one before: if any way fits, this one does. */
function matcher(pattern: string): Match {
  const isBegin = pattern.startsWith('^');
  const isEnd = pattern.endsWith('$');
  const pieces = pattern
    .slice(isBegin ? 1 : 0, isEnd ? -1 : undefined)
    .replaceAll('\\.', '\x01')
    .split('.*')
    .map((piece) => piece.replaceAll('.', ANY).replaceAll('\x01', '.'));
  const last = pieces.pop() ?? '';
  return (name) => {
    let at = 0;
    for (const [index, piece] of pieces.entries()) {
      const found = find(name, piece, at, isBegin && index === 0);
      if (found === -1) return false;
      at = found + piece.length;
    }
    const isFixed = isBegin && pieces.length === 0;
    if (!isEnd) return find(name, last, at, isFixed) !== -1;
    const place = name.length - last.length;
    return place >= at && (!isFixed || place === 0) && fits(name, last, place);
  };
}

/** The first place from `at` on; `isFixed`: there or nowhere. -1: none. */
function find(name: string, piece: string, at: number, isFixed: boolean): number {
  for (let place = at; place + piece.length <= name.length; place++) {
    if (fits(name, piece, place)) return place;
    if (isFixed) return -1;
  }
  return -1;
}

function fits(name: string, piece: string, place: number): boolean {
  for (let index = 0; index < piece.length; index++) {
    if (piece[index] !== ANY && piece[index] !== name[place + index]) return false;
  }
  return true;
}
