/** Errors of a spec in the terms of the request that it was made of. */
import { SpecError } from '../runtime/spec/error.ts';
import { EngineError } from './errors.ts';

/** Fields of config.json and what a request calls them; the first that begins the field counts. */
const NAMES: readonly (readonly [spec: RegExp, request: string])[] = [
  [/^process\.args/, 'command'],
  [/^process\.cwd/, 'workdir'],
  [/^process\.env/, 'env'],
  [/^process\.user\.umask/, 'umask'],
  [/^process\.user\.additionalGids/, 'groups'],
  [/^process\.user/, 'user'],
  [/^process\.rlimits/, 'ulimits'],
  [/^process\.capabilities/, 'capabilities'],
  [/^process\.apparmorProfile/, 'security.apparmor'],
  [/^process\.oomScoreAdj/, 'oomScoreAdj'],
  [/^hostname/, 'hostname'],
  [/^domainname/, 'domainname'],
  [/^linux\.sysctl/, 'sysctls'],
  [/^linux\.seccomp/, 'security.seccomp'],
  [/^linux\.maskedPaths/, 'security.maskedPaths'],
  [/^linux\.readonlyPaths/, 'security.readonlyPaths'],
  [/^linux\.resources\.memory\.limit/, 'limits.memory'],
  [/^linux\.resources\.memory\.swap$/, 'limits.memorySwap'],
  [/^linux\.resources\.memory\.reservation/, 'limits.memoryReservation'],
  [/^linux\.resources\.cpu\.shares/, 'limits.cpuShares'],
  [/^linux\.resources\.memory\.swappiness/, 'limits.memorySwappiness'],
  [/^linux\.resources\.memory\.disableOOMKiller/, 'limits.oomKillDisable'],
  [/^linux\.resources\.cpu\.cpus/, 'limits.cpuset'],
  [/^linux\.resources\.cpu\.mems/, 'limits.cpusetMems'],
  [/^linux\.resources\.cpu\.quota/, 'limits.cpuQuota'],
  [/^linux\.resources\.cpu\.period/, 'limits.cpuPeriod'],
  [/^linux\.resources\.blockIO\.weightDevice/, 'limits.blkioWeightDevice'],
  [/^linux\.resources\.blockIO\.weight/, 'limits.blkioWeight'],
  [/^linux\.resources\.blockIO\.throttleReadBpsDevice/, 'limits.deviceReadBps'],
  [/^linux\.resources\.blockIO\.throttleWriteBpsDevice/, 'limits.deviceWriteBps'],
  [/^linux\.resources\.blockIO\.throttleReadIOPSDevice/, 'limits.deviceReadIops'],
  [/^linux\.resources\.blockIO\.throttleWriteIOPSDevice/, 'limits.deviceWriteIops'],
  [/^linux\.resources\.blockIO/, 'limits'],
  [/^linux\.resources\.cpu/, 'limits.cpus'],
  [/^linux\.resources\.pids/, 'limits.pids'],
  [/^linux\.devices/, 'devices'],
];

const MOUNT = /^mounts\[(?<index>[0-9]+)\](?<rest>.*)$/;

export interface RequestShape {
  /** Mounts of the spec that stand before the request's own. */
  readonly defaultMounts: number;
  /** Of those after them, which each is among the request's (undefined: none of it); absent: all, in their order. */
  readonly order?: readonly (number | undefined)[];
  readonly oci: unknown;
}

/** What `error` is for the user: SpecErrors become `invalid_field`, or `unsupported`; anything else stays. */
export function requestError(error: unknown, shape?: RequestShape): unknown {
  if (!(error instanceof SpecError)) return error;
  const field = fieldOf(error.field, shape);
  const problem = error.message.startsWith(`${error.field}: `)
    ? error.message.slice(error.field.length + 2)
    : error.message;
  return new EngineError(error.kind === 'unsupported' ? 'unsupported' : 'invalid_field', `${field}: ${problem}`, {
    field,
    cause: error,
  });
}

/**
 * What this host cannot do is found out when the plan is compiled, by the names of config.json: in those of the request,
 * but for what its own `oci` says.
 */
export function namedByRequest(error: unknown, oci: unknown): unknown {
  if (!(error instanceof EngineError) || !(error.cause instanceof SpecError)) return error;
  const { field } = error.cause;
  if (MOUNT.test(field) || (oci !== undefined && isIn(oci, field))) return error;
  return requestError(error.cause, { defaultMounts: 0, oci: undefined });
}

function fieldOf(field: string, shape: RequestShape | undefined): string {
  if (shape === undefined) return field;
  if (shape.oci !== undefined && isIn(shape.oci, field)) return `oci.${field}`;
  const mount = MOUNT.exec(field)?.groups;
  if (mount !== undefined) {
    const place = Number(mount.index) - shape.defaultMounts;
    const index = shape.order === undefined ? place : shape.order[place];
    const rest = (mount.rest ?? '').replace('.destination', '.target').replace(/\.[ug]idMappings$/, '.idmap');
    return index !== undefined && index >= 0 ? `mounts[${String(index)}]${rest}` : field;
  }
  for (const [spec, request] of NAMES) if (spec.test(field)) return field.replace(spec, request);
  return field;
}

/** Whether `oci` says anything about `field`. */
function isIn(oci: unknown, field: string): boolean {
  let value = oci;
  for (const key of field.split(/[.[\]]+/).filter((part) => part !== '')) {
    if (typeof value !== 'object' || value === null) return true;
    if (!Object.hasOwn(value, key)) return false;
    value = (value as Record<string, unknown>)[key];
  }
  return true;
}
