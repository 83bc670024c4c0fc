/** dockerd's words for a start that failed; its CLI reads its exit codes 126 and 127 from them. */
import type { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { endpointId } from './show/networks.ts';
import type { Words } from './words.ts';

const BEGINNING =
  'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ';

const NOT_FOUND = /exec ("(?:[^"\\]|\\.)*"): executable file not found/;
const NOT_EXECUTABLE = /exec ("(?:[^"\\]|\\.)*"): (?:permission denied|exec format error)/;
/** A volume that is a directory of the host, which is not there, or is none. */
const DEVICE = /^cannot start \S+: volume (\S+): device (\/[^]*): ([^:]+)$/;

/** What the engine says of why a start failed, as dockerd says it. */
export function startFailure(message: string): string {
  const [, missing] = NOT_FOUND.exec(message) ?? [];
  if (missing !== undefined) {
    const isPath = missing.includes('/');
    const why = isPath
      ? `stat ${missing.slice(1, -1)}: no such file or directory`
      : 'executable file not found in $PATH';
    return `${BEGINNING}exec: ${missing}: ${why}: unknown`;
  }
  const [, closed] = NOT_EXECUTABLE.exec(message) ?? [];
  if (closed !== undefined) {
    const why = message.includes('exec format error') ? 'exec format error' : 'permission denied';
    return `${BEGINNING}exec: ${closed}: ${why}: unknown`;
  }
  const [isDevice, volume = '', device = '', why = ''] = DEVICE.exec(message) ?? [];
  if (isDevice !== undefined)
    return `error while mounting volume '${volume}': failed to mount local volume: mount ${device}: ${why}`;
  return message;
}

/** The exit code of a container whose last start failed. */
export function exitCodeOfFailure(message: string): number {
  if (NOT_FOUND.test(message)) return 127;
  return NOT_EXECUTABLE.test(message) ? 126 : 128;
}

const bad = (_id: string, error: EngineError): DockerError =>
  new DockerError(400, startFailure(error.message), { cause: error });

/** `name`: of the container, which may be gone by then. */
export function startWords(name: string): Words {
  return {
    command_not_found: bad,
    command_not_executable: bad,
    launch_failed: (_id, error) =>
      DEVICE.test(error.message)
        ? new DockerError(500, startFailure(error.message), { cause: error })
        : new DockerError(400, `${BEGINNING}${error.message}: unknown`, { cause: error }),
    container_paused: () => new DockerError(409, 'cannot start a paused container, try unpause instead'),
    container_removing: () => new DockerError(409, 'container is marked for removal and cannot be started'),
    port_taken: (id, error) => new DockerError(500, portTaken(name, id, error), { cause: error }),
    network_not_found: (_id, error) => new DockerError(404, error.message, { cause: error }),
  };
}

/** "port 0.0.0.0:80/tcp is taken: …" */
function portTaken(name: string, id: string, { message }: EngineError): string {
  const [, place = ''] = /^port (\S+)\/[a-z]+ is taken/.exec(message) ?? [];
  const why = place === '' ? message : `Bind for ${place} failed: port is already allocated`;
  return `driver failed programming external connectivity on endpoint ${name} (${endpointId(id, '')}): ${why}`;
}
