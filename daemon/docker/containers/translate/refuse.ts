/** What is not taken, in a 400. */
import { DockerError } from '../../error.ts';

/** Of text of a client's in a message. */
const SHOWN = 1024;

export function refuse(message: string): never {
  throw new DockerError(400, message);
}

/** `"text"`, as Go's %q has it, and not endless. */
export function quoted(given: string): string {
  return JSON.stringify(given.length > SHOWN ? `${given.slice(0, SHOWN)}…` : given);
}

/** The text as it is, but on one line and not endless. */
export function plain(given: string): string {
  return quoted(given).slice(1, -1).replaceAll('\\"', '"');
}
