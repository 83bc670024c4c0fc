/** Descriptors of the caller that the container's program inherits, from 3 on. */
import { readlinkSync } from 'node:fs';
import { OciError, codeOf } from '../errors.ts';

const FIRST = 3;
const MOST = 1024;

export interface Preserved {
  readonly count: number;
  /** For the program's environment: sd_listen_fds(3). */
  readonly environment: readonly string[];
}

/**
 * Those of socket activation (LISTEN_FDS, if LISTEN_PID is this process) come first, then `--preserve-fds` more, as
 * runc counts them. Throws OciError for one that the caller has not opened.
 */
export function preservedDescriptors(asked: number, environment: NodeJS.ProcessEnv): Preserved {
  const listen = environment.LISTEN_PID === String(process.pid) ? Number(environment.LISTEN_FDS ?? '0') : 0;
  if (!Number.isInteger(listen) || listen < 0 || listen > MOST) {
    throw new OciError(`LISTEN_FDS: ${environment.LISTEN_FDS ?? ''} is not a number of descriptors`);
  }
  if (asked < 0 || asked > MOST) throw new OciError(`--preserve-fds: ${asked} is not between 0 and ${MOST}`);
  const count = listen + asked;
  for (let descriptor = FIRST; descriptor < FIRST + count; descriptor++) requireOpen(descriptor);
  return { count, environment: listen === 0 ? [] : [`LISTEN_FDS=${listen}`, 'LISTEN_PID=1'] };
}

function requireOpen(descriptor: number): void {
  // Node's own descriptors take the lowest free numbers, an event loop's epoll first: so does a gap show.
  if (!['', 'anon_inode:[eventpoll]'].includes(target(descriptor))) return;
  throw new OciError(`descriptor ${descriptor} is to be preserved, but is not open`);
}

function target(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${String(descriptor)}`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
