/**
 * The device of a volume: a directory of the host that the volume is. Nothing is mounted on the host: each container that
 * has the volume gets a bind of the directory. What becomes of the volume never touches it; the volume's own directory
 * below <root> stays empty.
 */
import { realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { VolumeCreateRequest } from '../../../shared/api/volume.ts';
import { DEVICE_FLAGS } from '../../../shared/volume-options.ts';
import { shown } from '../../images/errors.ts';
import type { VolumeDevice, VolumeRow } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { Places } from '../places.ts';

const PATH_BYTES_MAX = 4095;
const INSTEAD = 'a volume is mounted by its name, and a part of one with volume-subpath';
const OF_DEVICE = ['readonly', 'recursive', 'propagation', 'options'] as const;

/** What the request asks for. The host is not looked at. Throws `invalid_field`. */
export function askedDevice(places: Places, request: VolumeCreateRequest): VolumeDevice | undefined {
  const { device, readonly = false, recursive = true, propagation, options = [] } = request;
  if (device === undefined) {
    const alone = OF_DEVICE.find((field) => request[field] !== undefined);
    if (alone !== undefined) throw invalid(alone, 'has no meaning without device');
    return undefined;
  }
  const path = posix.resolve('/', device);
  if (!device.startsWith('/') || device.includes('\0') || !device.isWellFormed())
    throw invalid('device', 'is not an absolute path');
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw invalid('device', `is longer than ${PATH_BYTES_MAX} bytes`);
  if (isOwn(places, path)) throw invalid('device', `${shown(path)} is the daemon's own`, INSTEAD);
  const wrong = options.find((option) => !DEVICE_FLAGS.has(option));
  if (wrong !== undefined) throw invalid('options', `"${shown(wrong)}" is no option of a device`);
  return { path, readonly, recursive, ...(propagation === undefined ? {} : { propagation }), options };
}

/** Where the files of a volume are. */
export function dataOf(
  { places }: Pick<Context, 'places'>,
  { name, device }: Pick<VolumeRow, 'name' | 'device'>,
): string {
  return device?.path ?? places.volumeData(name);
}

/** The real path of a volume's device as it is now. Throws `launch_failed` where it is no directory that a container may have. */
export async function findDevice({ places }: Pick<Context, 'places'>, name: string, path: string): Promise<string> {
  const failed = (problem: string, details: { hint?: string; cause?: unknown } = {}): EngineError =>
    new EngineError('launch_failed', `volume ${name}: device ${shown(path)}: ${problem}`, details);
  const real = await realpath(path).catch((error: unknown) => {
    throw failed(whyNot(error), { hint: 'the volume is this directory of the host: it has to be there', cause: error });
  });
  const status = await stat(real).catch((error: unknown) => {
    throw failed(whyNot(error), { cause: error });
  });
  if (!status.isDirectory()) throw failed('not a directory');
  if (isOwn(places, real)) throw failed("leads into the daemon's own directory", { hint: INSTEAD });
  return real;
}

/** What would undo itself: the daemon's directories, and what is in them. */
function isOwn({ root, run }: Places, path: string): boolean {
  return [root, run].some((own) => path === own || path.startsWith(`${own}/`));
}

/** As dockerd says it, which has it of strerror(3). */
function whyNot(error: unknown): string {
  const code = error instanceof Error && 'errno' in error ? error.errno : undefined;
  return typeof code === 'number' ? getSystemErrorMessage(code) : String(error);
}

function invalid(field: string, problem: string, hint?: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field, ...(hint === undefined ? {} : { hint }) });
}
