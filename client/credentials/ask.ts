/** Asks the user at the terminal; secrets are not shown while they are typed. */
import type { ReadStream } from 'node:tty';
import { CliError } from '../errors.ts';

const INTERRUPTED = 130;
const LENGTH_MAX = 64 * 1024;

/** Throws CliError where stdin is no terminal, or ended. `hidden`: nothing of the answer appears. */
export async function ask(question: string, hidden = false): Promise<string> {
  const stdin: ReadStream = process.stdin;
  if (!stdin.isTTY) {
    throw new CliError('stdin is not a terminal, so nobody can be asked', {
      hint: 'give --username and --password-stdin',
    });
  }
  process.stderr.write(question);
  if (hidden) stdin.setRawMode(true);
  try {
    return await readLine(stdin, hidden);
  } finally {
    if (hidden) {
      stdin.setRawMode(false);
      process.stderr.write('\n');
    }
    stdin.pause();
  }
}

/** In raw mode the keys that edit and end a line are ours to understand. */
function readLine(stdin: ReadStream, raw: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const settle = (act: () => void): void => {
      stdin.off('data', typed);
      stdin.off('end', ended);
      act();
    };
    const ended = (): void => {
      settle(() => {
        reject(new CliError('the input ended before there was an answer'));
      });
    };
    const typed = (bytes: Buffer): void => {
      for (const character of bytes.toString('utf8')) {
        if (character === '\r' || character === '\n') {
          settle(() => {
            resolve(line);
          });
          return;
        }
        if (!raw) line += character;
        else if (character === '\u0003') {
          settle(() => {
            reject(new CliError('interrupted', { exitCode: INTERRUPTED }));
          });
          return;
        } else if (character === '\u0004' && line === '') {
          ended();
          return;
        } else if (character === '\u007f' || character === '\b') line = line.replace(/.$/u, '');
        else if (character === '\u0015') line = '';
        else if (character >= ' ') line += character;
        if (line.length > LENGTH_MAX) {
          settle(() => {
            reject(new CliError('the answer is too long'));
          });
          return;
        }
      }
    };
    stdin.on('data', typed);
    stdin.on('end', ended);
    stdin.resume();
  });
}

/** All of stdin, without the newline at its end. Throws CliError. */
export async function readSecret(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LENGTH_MAX) throw new CliError('the password is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
