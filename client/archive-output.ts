/** Archives that are received: into a file, which is there when it is whole, or to stdout. */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { CliError, messageOf } from './errors.ts';
import type { PieceTaker } from './http/piece-reading.ts';
import { onInterrupt } from './interrupt.ts';

/** `path` undefined: stdout. `work` is given what takes the pieces. Throws CliError. */
export async function archiveOutput(
  path: string | undefined,
  work: (take: PieceTaker) => Promise<void>,
): Promise<void> {
  if (path === undefined) {
    if (process.stdout.isTTY) {
      throw new CliError('an archive is not shown on a terminal', {
        hint: 'name a file with --output, or redirect stdout',
      });
    }
    await work(toStandardOutput);
  } else if (isSpecial(path)) await intoFile(path, path, work);
  else await replacing(path, work);
}

export const toStandardOutput: PieceTaker = (piece) => {
  if (process.stdout.write(piece)) return undefined;
  return new Promise((resolve) => {
    process.stdout.once('drain', resolve);
  });
};

/** A device or pipe is written to; it cannot be replaced. */
function isSpecial(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw new CliError(`${path} is a directory`);
  return found !== undefined && !found.isFile();
}

async function replacing(path: string, work: (take: PieceTaker) => Promise<void>): Promise<void> {
  const fresh = `${path}.${String(process.pid)}.part`;
  const remove = (): void => {
    rmSync(fresh, { force: true });
  };
  const forget = onInterrupt(remove);
  try {
    await intoFile(path, fresh, work);
    renameSync(fresh, path);
  } catch (error) {
    remove();
    throw error;
  } finally {
    forget();
  }
}

async function intoFile(path: string, at: string, work: (take: PieceTaker) => Promise<void>): Promise<void> {
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new CliError(`cannot write ${path}: ${messageOf(error)}`, { cause: error });
    }
  };
  const file = attempt(() => openSync(at, 'w'));
  try {
    await work((piece) => {
      attempt(() => {
        for (let from = 0; from < piece.length;) from += writeSync(file, piece, from);
      });
      return undefined;
    });
  } finally {
    closeSync(file);
  }
}
