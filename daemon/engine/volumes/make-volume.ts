/**
 * A volume's directory, and what its row will be. The directory comes first, so that no row is ever without one; an empty
 * one that a crash leaves without a row is taken away by the next daemon (recover.ts).
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { nowTimestamp } from '../../../shared/time.ts';
import type { VolumeDevice, VolumeRow } from '../../registry/volumes.ts';
import { isFull } from '../../registry/reserve.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { checkName } from '../rename.ts';

/** Nobody else on the host walks into volumes: what is in them has the owners and modes that containers gave it. */
const CLOSED = 0o700;
/** Root of the container sees it so, as do its users. */
const DATA_MODE = 0o755;

export interface VolumeWish {
  /** Absent: 64 hexadecimal digits. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** A container is to have it that named none. */
  readonly anonymous: boolean;
  readonly device?: VolumeDevice;
  readonly driverOptions?: VolumeRow['driverOptions'] & {};
}

/**
 * The row is the caller's to insert. What is in the directory already stays; where the volume is to be a directory of the
 * host, nobody would find it any more. Throws `invalid_field`, `name_taken`, `disk_full`.
 */
export function prepareVolume(context: Pick<Context, 'places'>, wish: VolumeWish): VolumeRow {
  const name = wish.name ?? randomBytes(32).toString('hex');
  checkName(name);
  const isEmpty = makeVolumeDirectory(context, name);
  const { anonymous, labels = {}, device, driverOptions } = wish;
  if (device !== undefined && !isEmpty) {
    throw new EngineError('name_taken', `volume "${name}": there are files of a volume that is not recorded`, {
      field: 'name',
      hint: 'tare system check --repair makes it a volume again',
    });
  }
  // of a device it is seen at the start whether there is anything in it; and what is read-only stays as it is
  const unfilled = device === undefined ? isEmpty : !device.readonly;
  return {
    ...{ name, anonymous, labels, createdAt: nowTimestamp(), unfilled },
    ...(device === undefined ? {} : { device }),
    ...(driverOptions === undefined ? {} : { driverOptions }),
  };
}

/** True: there is nothing in it. Throws `disk_full`, errors of fs. */
export function makeVolumeDirectory({ places }: Pick<Context, 'places'>, name: string): boolean {
  try {
    makeIfMissing(places.volumes, CLOSED);
    makeIfMissing(places.volume(name), CLOSED);
    makeIfMissing(places.volumeData(name), DATA_MODE);
    return readdirSync(places.volumeData(name)).length === 0;
  } catch (error) {
    if (isFull(error)) throw new EngineError('disk_full', `volume ${name}: no space left for it`, { cause: error });
    throw error;
  }
}

/** With this mode whatever the umask; one that is there keeps its own. */
function makeIfMissing(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
  chmodSync(path, mode);
}
