/** config.json: `linux.netDevices`, config-linux.md#network-devices of runtime-spec 1.3.0. */
import { and, mapOf, object, text, type Check } from './check.ts';
import { SpecError } from './error.ts';
import type { Linux } from './types.ts';

type NetDevices = Exclude<Linux['netDevices'], undefined>;

/** IFNAMSIZ of include/uapi/linux/if.h, less the NUL. */
const NAME_LENGTH_MAX = 15;

/** dev_valid_name() of net/core/dev.c. */
function checkName(name: string, field: string): void {
  const length = Buffer.byteLength(name);
  const isName = length > 0 && length <= NAME_LENGTH_MAX && name !== '.' && name !== '..' && !/[/:%\s]/.test(name);
  if (!isName) throw new SpecError(field, `"${name}" is not the name of a network device`);
}

const device = object<NetDevices[string]>(
  {
    name: and(text, (name, field) => {
      // One "%d" in it is the first number that is free, as `ip link set name` has it.
      if (name !== '') checkName(name.replace('%d', '0'), field);
    }),
  },
  [],
);

/** From the name on the host to what becomes of it; "" is the same name. */
export const netDevices: Check<NetDevices> = and(
  mapOf(device, (name, field) => {
    checkName(name, `${field}.${name}`);
  }),
  (devices, field) => {
    const taken = new Map<string, string>();
    for (const [from, { name = '' }] of Object.entries(devices)) {
      const to = name === '' ? from : name;
      const other = taken.get(to);
      if (other !== undefined && !to.includes('%'))
        throw new SpecError(`${field}.${from}.name`, `"${to}" is what ${other} is to be called`);
      taken.set(to, from);
    }
  },
);
