/** Writes build/shim/messages.h: the shim protocol (daemon/shim/messages.ts) for C. Run: node scripts/generate-messages-header.ts [FILE] */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as protocol from '../daemon/shim/messages.ts';

const root = resolve(import.meta.dirname, '..');

const CONSTANTS = [
  'PROTOCOL_VERSION',
  'HEADER_SIZE',
  'MAX_PAYLOAD',
  'MAX_DATA',
  'START_STDIN_OPEN',
  'START_LOG_JSON',
  'ATTACH_STDIN',
  'ATTACH_STDOUT',
  'ATTACH_STDERR',
  'ATTACH_CLOSE_STDIN',
  'ATTACH_CUT_WHEN_SLOW',
  'ATTACH_FOLLOWS_LOG',
] as const;

/** The header's text; `version` is tare's own, what `tare-shim --version` says. */
export function messagesHeader(version: string): string {
  const shapes = Object.entries(protocol.MESSAGES);
  const choices = (prefix: string, values: Readonly<Record<string, number>>): string[] =>
    Object.entries(values).map(([name, value]) => `#define ${prefix}_${name.toUpperCase()} ${String(value)}`);
  return [
    '/* Written by scripts/generate-messages-header.ts from daemon/shim/messages.ts. */',
    '#ifndef TARE_MESSAGES_H',
    '#define TARE_MESSAGES_H',
    '',
    `#define TARE_VERSION "${version}"`,
    ...CONSTANTS.map((name) => `#define ${name} ${String(protocol[name])}`),
    ...choices('STDIO', protocol.STDIO),
    ...choices('STREAM', protocol.STREAM),
    '',
    '/* Requests of the client: 1 and up; answers and events of the shim: 64 and up. */',
    ...shapes.map(([name, { type }]) => `#define MESSAGE_${name.toUpperCase()} ${String(type)}`),
    '',
    '#endif',
    '',
  ].join('\n');
}

/** Writes the header where it differs from what is there. */
export function generateMessagesHeader(file: string): void {
  const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as { version: string };
  const text = messagesHeader(version);
  mkdirSync(dirname(file), { recursive: true });
  try {
    if (readFileSync(file, 'utf8') === text) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writeFileSync(file, text);
}

if (import.meta.main) {
  generateMessagesHeader(resolve(process.argv[2] ?? resolve(root, 'build/shim/messages.h')));
}
