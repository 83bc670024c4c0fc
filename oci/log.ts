/**
 * The log of one command, as containerd, conmon and Podman read runc's: `--log FILE` is appended to, a record a line,
 * `--log-format json` as {"level":"error","msg":"…","time":"2026-03-01T12:00:00Z"}. An error is told on stderr besides,
 * for whoever reads that. Without a file, stderr is the log.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { oneLine } from './errors.ts';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

type Level = 'debug' | 'info' | 'warning' | 'error';

/**
 * Messages are lower case, without a full stop; each becomes one line. Written at once, synchronously. Podman reads a
 * log of a command that failed only where the error is its one record: warnings are for what somebody has to know.
 */
export interface Log {
  /** Only with `--debug`. */
  debug(text: string): void;
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
}

export interface LogOptions {
  /** undefined: stderr. */
  readonly file: string | undefined;
  readonly format: LogFormat;
  readonly debug: boolean;
  /** Where lines for the user go; default this process's stderr. */
  readonly stderr?: (text: string) => void;
  /** Milliseconds since 1970; default now. */
  readonly now?: () => number;
}

export interface OpenLog extends Log {
  close(): void;
}

/** A failing write to stderr (nobody reads it any more) is no reason to fail. */
export function writeStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // ignoring: there is nobody left to tell
  }
}

/** Throws the system's error where the file cannot be opened or made (mode 0600: it tells about containers). */
export function openLog({ file, format, debug, stderr = writeStderr, now = Date.now }: LogOptions): OpenLog {
  const descriptor = file === undefined ? undefined : openSync(file, 'a', 0o600);
  const write = (level: Level, message: string): void => {
    const text = message.trim();
    const record = recordOf(format, level, text, new Date(now()));
    if (descriptor !== undefined) writeSync(descriptor, record);
    if (descriptor === undefined && format === 'json') stderr(record);
    else if (descriptor === undefined || level === 'error') stderr(userLine(level, text));
  };
  return {
    debug: (text) => {
      if (debug) write('debug', text);
    },
    info: (text) => write('info', text),
    warning: (text) => write('warning', text),
    error: (text) => write('error', text),
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}

/** "tare-oci: …", "tare-oci: warning: …" */
function userLine(level: Level, text: string): string {
  return `tare-oci: ${level === 'error' ? '' : `${level}: `}${oneLine(text)}\n`;
}

/** JSON's strings escape what would end a line. Go's time.Time reads RFC 3339 with or without a fraction. */
function recordOf(format: LogFormat, level: Level, text: string, time: Date): string {
  const at = time.toISOString();
  if (format === 'json') return `${quote({ level, msg: text, time: at })}\n`;
  return `time=${quote(at)} level=${level} msg=${quote(text)}\n`;
}

/** JSON lets through what a terminal still takes for the beginning of a command (C1), or an editor for the end of a line. */
function quote(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
