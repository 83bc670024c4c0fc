/** Limits on devices as a user writes them, by path of the node; the kernel knows them by number. */
import { statSync } from 'node:fs';
import type { Limits } from '../../shared/api/container.ts';
import type { Resources, ThrottleDevice } from '../runtime/spec/types.ts';
import { deviceNumbers } from './devices.ts';
import { EngineError } from './errors.ts';

type BlockIo = NonNullable<Resources['blockIO']>;

/** Lists of rates, and what the specification calls them. */
const RATES = {
  deviceReadBps: 'throttleReadBpsDevice',
  deviceWriteBps: 'throttleWriteBpsDevice',
  deviceReadIops: 'throttleReadIOPSDevice',
  deviceWriteIops: 'throttleWriteIOPSDevice',
} as const satisfies Partial<Record<keyof Limits, keyof BlockIo>>;

const RATE_LISTS = Object.keys(RATES) as (keyof typeof RATES)[];
const LEAST_WEIGHT = 10;

/** Throws `invalid_field`. */
export function checkIo(limits: Limits, field: string): void {
  const { blkioWeight } = limits;
  if (blkioWeight !== undefined && blkioWeight !== 0 && blkioWeight < LEAST_WEIGHT) {
    throw invalid(`${field}.blkioWeight`, `${String(blkioWeight)} is no weight: 10 to 1000, or 0 for none of its own`);
  }
  for (const list of [...RATE_LISTS, 'blkioWeightDevice'] as const) {
    const paths = (limits[list] ?? []).map(({ path }) => path);
    const twin = paths.findIndex((path, index) => paths.indexOf(path) !== index);
    if (twin >= 0) throw invalid(`${field}.${list}[${String(twin)}].path`, `${paths[twin] ?? ''} stands twice`);
  }
}

/** `base` with what the limits say of the devices that they name. Throws `invalid_field`. */
export function withIo(base: BlockIo = {}, limits: Limits, field: string): BlockIo {
  const io: BlockIo = { ...base };
  if (limits.blkioWeight !== undefined) io.weight = limits.blkioWeight;
  if (limits.blkioWeightDevice !== undefined) {
    const changed = limits.blkioWeightDevice.map(({ path, weight }, index) => ({
      ...numbersOf(path, `${field}.blkioWeightDevice[${String(index)}].path`),
      weight,
    }));
    io.weightDevice = merged(base.weightDevice, changed);
  }
  for (const list of RATE_LISTS) {
    const asked = limits[list];
    if (asked === undefined) continue;
    const changed = asked.map(({ path, rate }, index): ThrottleDevice => ({
      ...numbersOf(path, `${field}.${list}[${String(index)}].path`),
      rate,
    }));
    io[RATES[list]] = merged(base[RATES[list]], changed);
  }
  return io;
}

/** Lists of `first` with the devices that `second` names changed, or added. */
export function withDevices(first: Limits, second: Limits): Limits {
  const result: Limits = { ...first, ...second };
  for (const list of RATE_LISTS) {
    const lines = byPath(first[list], second[list]);
    if (lines !== undefined) result[list] = lines;
  }
  const weights = byPath(first.blkioWeightDevice, second.blkioWeightDevice);
  if (weights !== undefined) result.blkioWeightDevice = weights;
  return result;
}

function byPath<L extends { path: string }>(first: readonly L[] | undefined, second: readonly L[] | undefined) {
  if (first === undefined && second === undefined) return undefined;
  return [...new Map([...(first ?? []), ...(second ?? [])].map((line) => [line.path, line])).values()];
}

interface Numbered {
  readonly major: number | bigint;
  readonly minor: number | bigint;
}

function merged<L extends Numbered>(base: readonly L[] = [], changed: readonly L[]): L[] {
  const key = ({ major, minor }: L): string => `${String(major)}:${String(minor)}`;
  return [...new Map([...base, ...changed].map((line) => [key(line), line])).values()];
}

function numbersOf(path: string, field: string): { major: number; minor: number } {
  const node = statSync(path, { throwIfNoEntry: false });
  if (node === undefined) throw invalid(field, `${path} does not exist`);
  if (!node.isBlockDevice()) throw invalid(field, `${path} is not a block device`);
  return deviceNumbers(node.rdev);
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
