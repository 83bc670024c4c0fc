/** linux.resources.blockIO → blkio.* of v1 and io.* of v2. */
import { SpecError } from '../spec/error.ts';
import type { Resources } from '../spec/types.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import type { Setting } from './setting.ts';
import {
  deviceSetting,
  exactInteger,
  requireController,
  RESOURCES,
  setting,
  unlessZero,
  unsupported,
} from './setting.ts';

type BlockIo = NonNullable<Resources['blockIO']>;

const FIELD = `${RESOURCES}.blockIO`;
const UINT64 = (1n << 64n) - 1n;
const LAST_NUMBER = 0xffff_ffffn;

/** The specification's key, the v1 file and the key in v2's io.max. */
const THROTTLES = [
  ['throttleReadBpsDevice', 'blkio.throttle.read_bps_device', 'rbps'],
  ['throttleWriteBpsDevice', 'blkio.throttle.write_bps_device', 'wbps'],
  ['throttleReadIOPSDevice', 'blkio.throttle.read_iops_device', 'riops'],
  ['throttleWriteIOPSDevice', 'blkio.throttle.write_iops_device', 'wiops'],
] as const;

/** A weight of v1 (10–1000) on the scale of io.weight (1–10000), as runc and crun do. */
export function ioWeight(weight: bigint): bigint {
  return 1n + ((weight - 10n) * 9999n) / 990n;
}

function deviceKey(device: { major: number | bigint; minor: number | bigint }, field: string): string {
  const major = exactInteger(device.major, `${field}.major`, 0n, LAST_NUMBER);
  return `${String(major)}:${String(exactInteger(device.minor, `${field}.minor`, 0n, LAST_NUMBER))}`;
}

/** CFQ had leaf weights; it was taken out of Linux 5.0. */
function refuseLeaf(weight: number | bigint | undefined, field: string): void {
  if (weight !== undefined && exactInteger(weight, field, 0n) !== 0n) {
    throw unsupported(field, 'no I/O scheduler of this kernel has leaf weights');
  }
}

interface WeightFile {
  readonly file: string;
  readonly deviceFile: string;
  readonly scale: (weight: bigint) => bigint;
}

/** BFQ's own file where there is one: there the weight counts as it is. */
function weightFile(place: ControllerPlace): WeightFile {
  const same = (weight: bigint): bigint => weight;
  if (place.version === 1) return { file: 'blkio.bfq.weight', deviceFile: 'blkio.bfq.weight_device', scale: same };
  return place.hierarchy.files?.includes('io.bfq.weight') === true
    ? { file: 'io.bfq.weight', deviceFile: 'io.bfq.weight', scale: same }
    : { file: 'io.weight', deviceFile: 'io.weight', scale: ioWeight };
}

function weightSettings(place: () => ControllerPlace, io: BlockIo): Setting[] {
  refuseLeaf(io.leafWeight, `${FIELD}.leafWeight`);
  const settings: Setting[] = [];
  if (io.weight !== undefined && unlessZero(exactInteger(io.weight, `${FIELD}.weight`, 0n)) !== undefined) {
    const weight = exactInteger(io.weight, `${FIELD}.weight`, 10n, 1000n);
    const { file, scale } = weightFile(place());
    settings.push(setting(place(), `${FIELD}.weight`, file, scale(weight)));
  }
  for (const [index, device] of (io.weightDevice ?? []).entries()) {
    const field = `${FIELD}.weightDevice[${String(index)}]`;
    refuseLeaf(device.leafWeight, `${field}.leafWeight`);
    const key = deviceKey(device, field);
    if (device.weight === undefined) {
      if (device.leafWeight !== undefined) continue;
      throw new SpecError(field, 'needs weight or leafWeight');
    }
    const weight = exactInteger(device.weight, `${field}.weight`, 10n, 1000n);
    const { deviceFile, scale } = weightFile(place());
    const cleared = place().version === 1 ? '0' : 'default';
    settings.push(
      deviceSetting(place(), `${field}.weight`, deviceFile, { key, value: String(scale(weight)), cleared }),
    );
  }
  return settings;
}

/** v1: a file for each kind; a rate of 0 is none. */
function throttlesV1(place: () => ControllerPlace, io: BlockIo): Setting[] {
  return THROTTLES.flatMap(([kind, file]) =>
    (io[kind] ?? []).map((device, index) => {
      const field = `${FIELD}.${kind}[${String(index)}]`;
      const rate = exactInteger(device.rate, `${field}.rate`, 0n, UINT64);
      return deviceSetting(place(), field, file, { key: deviceKey(device, field), value: String(rate), cleared: '0' });
    }),
  );
}

/** v2: one line for a device, with all that is said about it. */
function throttlesV2(place: () => ControllerPlace, io: BlockIo): Setting[] {
  const lines = new Map<string, { field: string; words: string[] }>();
  for (const [kind, , word] of THROTTLES) {
    for (const [index, device] of (io[kind] ?? []).entries()) {
      const field = `${FIELD}.${kind}[${String(index)}]`;
      const key = deviceKey(device, field);
      const rate = exactInteger(device.rate, `${field}.rate`, 0n, UINT64);
      const line = lines.get(key) ?? { field, words: [] };
      line.words.push(`${word}=${rate === 0n ? 'max' : String(rate)}`);
      lines.set(key, line);
    }
  }
  const cleared = THROTTLES.map(([, , word]) => `${word}=max`).join(' ');
  return [...lines].map(([key, { field, words }]) =>
    deviceSetting(place(), field, 'io.max', { key, value: words.join(' '), cleared }),
  );
}

/** Throws SpecError. */
export function blockIoSettings(host: CgroupHost, io: BlockIo): Setting[] {
  const place = (): ControllerPlace => requireController(host, FIELD, 'blkio', 'io');
  const asksThrottle = THROTTLES.some(([kind]) => (io[kind]?.length ?? 0) > 0);
  const weights = weightSettings(place, io);
  if (!asksThrottle) return weights;
  return [...weights, ...(place().version === 1 ? throttlesV1(place, io) : throttlesV2(place, io))];
}
