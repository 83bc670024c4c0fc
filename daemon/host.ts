/** What the daemon needs of its host before it can begin: directories of its own, and the API's socket. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { DaemonOptions } from './options.ts';

/** The daemon cannot begin; `message` is for the user. */
export class Refusal extends Error {
  override name = 'Refusal';
}

const GROUP = 'tare';
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/** The id of the group that may use the API; undefined where there is no such group. */
export function socketGroup(): number | undefined {
  if (!existsSync('/etc/group')) return undefined;
  const line = new RegExp(`^${GROUP}:[^:]*:(\\d+):`, 'm').exec(readFileSync('/etc/group', 'utf8'));
  return line?.[1] === undefined ? undefined : Number(line[1]);
}

/** Makes what is missing of root and run; gives their real paths. Throws Refusal. */
export function prepareDirectories(
  options: Pick<DaemonOptions, 'root' | 'run' | 'socket'>,
  group: number | undefined,
): { root: string; run: string; socket: string } {
  const root = ownDirectory(options.root);
  const run = ownDirectory(options.run, group);
  for (const directory of [join(root, 'containers'), join(run, 'mnt')]) mkdirSync(directory, { recursive: true });
  return { root, run, socket: socketPath(options.socket) };
}

/** One that was made by others is taken as it is, unless others than root could replace what we put there. */
function ownDirectory(path: string, group?: number): string {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (made !== undefined && group !== undefined) {
      chownSync(path, 0, group);
      chmodSync(path, 0o710);
    }
    const real = realpathSync(path);
    const { uid, mode } = statSync(real);
    if (uid !== 0 || (mode & OTHERS_MAY_WRITE) !== 0 || (mode & STICKY) !== 0) {
      throw new Refusal(
        `${path} belongs to another user or can be written by others: tared needs a directory of its own`,
      );
    }
    return real;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`cannot use the directory ${path}: ${(error as Error).message}`, { cause: error });
  }
}

export function socketPath(path: string): string {
  const directory = dirname(path);
  if (!existsSync(directory)) throw new Refusal(`the directory of the socket ${path} does not exist`);
  return join(realpathSync(directory), basename(path));
}

/**
 * Where the last daemon left its socket it is taken over; one that answers is another daemon's.
 * @param listen - begins to listen at the path
 * @throws Refusal
 */
export async function listenOn(
  path: string,
  group: number | undefined,
  listen: (path: string) => Promise<unknown>,
): Promise<void> {
  if (existsSync(path)) {
    if (!statSync(path).isSocket()) throw new Refusal(`${path} is there and is no socket`);
    if (await answers(path)) throw new Refusal(`${path} is in use: another daemon answers there`);
    rmSync(path, { force: true });
  }
  try {
    await listen(path);
  } catch (error) {
    throw new Refusal(`cannot listen on ${path}: ${(error as Error).message}`, { cause: error });
  }
  if (group !== undefined) chownSync(path, 0, group);
  chmodSync(path, 0o660);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
