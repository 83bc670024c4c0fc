/** What ends a command before its time. dispatch.ts tells it, on stderr and in the log, and ends with its exit code. */

/** Of every failure that is not the program's own, as runc's and crun's. */
export const FAILURE = 1;

export interface OciErrorDetails {
  readonly cause?: unknown;
  /** Default FAILURE. */
  readonly exitCode?: number;
  /** There is no such container: `delete --force` is content with that. */
  readonly missing?: boolean;
  /** What to do about it; it follows the message on the same line, in parentheses. */
  readonly hint?: string;
}

export class OciError extends Error {
  override name = 'OciError';
  readonly exitCode: number;
  readonly missing: boolean;
  readonly hint: string | undefined;

  constructor(message: string, details: OciErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exitCode = details.exitCode ?? FAILURE;
    this.missing = details.missing ?? false;
    this.hint = details.hint;
  }
}

/** The command line itself is wrong. */
export class UsageError extends OciError {
  override name = 'UsageError';
}

/** The system's name of what went wrong, such as "ENOENT"; "" for an error that is none of the system's. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message and its hint. */
export function textOf(error: unknown): string {
  const hint = error instanceof OciError && error.hint !== undefined ? ` (${error.hint})` : '';
  return `${messageOf(error).trim()}${hint}`;
}

/** Control characters, which may come from a config.json, escaped: they do not reach a terminal, and a line stays one. */
export function oneLine(text: string): string {
  return text.trim().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0);
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
