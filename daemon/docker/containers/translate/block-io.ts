/** Weights and rates of disks. */
import type { Limits } from '../../../../shared/api/container.ts';
import { type Asking, lacks } from './host.ts';
import { quoted, refuse } from './refuse.ts';

const WEIGHT = { least: 10, most: 1000 } as const;
const RATES = [
  ['BlkioDeviceReadBps', 'deviceReadBps'],
  ['BlkioDeviceWriteBps', 'deviceWriteBps'],
  ['BlkioDeviceReadIOps', 'deviceReadIops'],
  ['BlkioDeviceWriteIOps', 'deviceWriteIops'],
] as const;

/** Throws DockerError 400. */
export function blockIoOf(asking: Asking): Limits {
  const { resources } = asking;
  const limits: Limits = weightsOf(asking);
  for (const [from, to] of RATES) {
    const asked = resources[from] ?? [];
    if (asked.length === 0) continue;
    limits[to] = asked.map(({ Path: path = '', Rate: rate = 0 }) => {
      if (rate < 0) refuse(`invalid value for ${from}: a rate of ${String(rate)}`);
      return { path: pathOf(path, from), rate };
    });
  }
  return limits;
}

function weightsOf({ resources, host, warnings }: Asking): Limits {
  const { BlkioWeight: weight = 0, BlkioWeightDevice: devices = [] } = resources;
  if (weight !== 0 && (weight < WEIGHT.least || weight > WEIGHT.most)) {
    refuse('Range of blkio weight is from 10 to 1000');
  }
  if (weight === 0 && devices.length === 0) return {};
  if (lacks(host(), 'ioWeight')) {
    if (weight !== 0) {
      warnings.push('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.');
    }
    if (devices.length > 0) {
      warnings.push(
        'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
      );
    }
    return {};
  }
  return {
    ...(weight === 0 ? {} : { blkioWeight: weight }),
    ...(devices.length === 0
      ? {}
      : {
          blkioWeightDevice: devices.map(({ Path: path = '', Weight: one = 0 }) => {
            if (one < WEIGHT.least || one > WEIGHT.most) refuse('Range of blkio weight is from 10 to 1000');
            return { path: pathOf(path, 'BlkioWeightDevice'), weight: one };
          }),
        }),
  };
}

function pathOf(path: string, field: string): string {
  return path.startsWith('/') ? path : refuse(`invalid value for ${field}: ${quoted(path)} is no path of a device`);
}
