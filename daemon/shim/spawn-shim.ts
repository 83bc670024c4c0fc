/** Starts the shim's process and waits until its socket can be connected to. */
import { closeSync, openSync } from 'node:fs';
import { pipe, readUntilNul } from '../../native-bindings/pipe.ts';
import { spawn } from '../../native-bindings/spawn.ts';
import { ShimLost } from './types.ts';

const READY_DEADLINE_MS = 10_000;
/** The child's descriptor that `--ready-fd` names. */
const READY_FD = 3;

/**
 * `program`: descriptor of the sealed copy. `group`: directory of a control group that the shim makes ahead. Resolves to
 * the pid, which is a child of this process to be reaped. What the shim says on stderr before it is ready is in the
 * message of the ShimLost that is thrown otherwise.
 */
export async function spawnShim(
  program: number,
  { socket, group }: { readonly socket: string; readonly group: string | undefined },
  spawned: (pid: number) => void,
): Promise<number> {
  const nothing = openSync('/dev/null', 'r+');
  const ready = pipe();
  let pid: number;
  try {
    pid = await spawn({
      // by the daemon's number: in the child every other descriptor is closed before execve
      file: `/proc/${String(process.pid)}/fd/${String(program)}`,
      arguments: [
        ...['tare-shim', '--socket', socket, '--ready-fd', String(READY_FD), '--new-network'],
        ...(group === undefined ? [] : ['--spare-group', group]),
      ],
      environment: [],
      descriptors: [nothing, nothing, ready.write, ready.write],
    });
  } catch (error) {
    closeSync(ready.read);
    throw error;
  } finally {
    closeSync(nothing);
    closeSync(ready.write);
  }
  spawned(pid);
  const said = await readUntilNul(ready.read, READY_DEADLINE_MS);
  if (said === undefined)
    throw new ShimLost(`shim ${socket} was not ready within ${String(READY_DEADLINE_MS)} ms`, true);
  if (said.includes(0)) return pid;
  const text = said.toString().trim();
  throw new ShimLost(`shim ${socket} ended before it was ready${text === '' ? '' : `: ${text}`}`, false);
}
