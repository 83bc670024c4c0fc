/** A create request as a complete OCI config.json: defaults, what was asked for, `oci` last; then validated. */
import { hostname } from 'node:os';
import type { CreateRequest } from '../../shared/api/container.ts';
import { CAPABILITIES, DEFAULT_CAPABILITIES, parseCapability, withinBoundingSet } from '../runtime/capabilities.ts';
import { defaultSeccomp } from '../runtime/seccomp/default-profile.ts';
import { type SpecHost, type SpecSharing, defaultSpec, mergeEnv, mergeSpec } from '../runtime/spec/default-spec.ts';
import { RLIMITS } from '../runtime/spec/rlimits.ts';
import type { Linux, Mount, NamespaceType, Process, Seccomp, Spec, User } from '../runtime/spec/types.ts';
import { type RootFiles, resolveUser } from '../runtime/spec/users.ts';
import { validateSpec } from '../runtime/spec/validate.ts';
import { deviceRulesOf, devicesOf, refuseGpus } from './devices.ts';
import { EngineError } from './errors.ts';
import { normalLimits, withLimits } from './limits.ts';
import { sharingOf } from './modes/modes.ts';
import { mountOf } from './mounts/mount-of-request.ts';
import type { PlacedMount } from './mounts/prepare.ts';
import { requestError } from './spec-error.ts';

export interface SpecInput {
  readonly request: CreateRequest;
  readonly id: string;
  /** Real path of the root file system on the host, and whether it is read-only. */
  readonly rootfs: string;
  readonly readonly: boolean;
  /** Where users and groups are looked up; absent: in `rootfs`. */
  readonly files?: RootFiles;
  /** Absent: those of the request, which are binds and tmpfs then. */
  readonly mounts?: readonly PlacedMount[];
  readonly host: SpecHost;
  /** Default: a new network namespace, and nothing mounted for it. */
  readonly network?: SpecNetwork;
  /** Default: what the request says, which joins nobody then. */
  readonly sharing?: SpecSharing;
}

/** What the container's network has to do with its spec. */
export interface SpecNetwork {
  /** The entry of linux.namespaces; undefined: the host's. */
  readonly namespace: { readonly type: NamespaceType; readonly path?: string } | undefined;
  /** Where the request has none. */
  readonly hostname?: string;
  /** After those of the request. */
  readonly mounts: readonly Mount[];
}

const NUMBER_OF_64_BITS_WITHOUT_SIGN = (1n << 64n) - 1n;

/** Throws EngineError: `invalid_field` with the request's field, `unsupported`. */
export function specOfRequest(input: SpecInput): Spec {
  const { request } = input;
  const order = input.mounts?.map(({ from }) => from);
  let defaultMounts = 0;
  try {
    const base = baseSpec(input);
    defaultMounts = base.mounts?.length ?? 0;
    const asked = withRequest(base, input);
    const merged = request.oci === undefined ? asked : mergeSpec(asked, request.oci);
    const spec = validateSpec(merged, { unknown: 'refuse' });
    if (spec.process?.args === undefined || spec.process.args.length === 0) throw invalid('command', 'is missing');
    return spec;
  } catch (error) {
    throw requestError(error, { defaultMounts, oci: request.oci, ...(order === undefined ? {} : { order }) });
  }
}

function baseSpec(input: SpecInput): Spec {
  const { request, id, host, sharing = sharingOf(request) } = input;
  const privileged = request.security?.privileged === true;
  refuseGpus(request);
  const capabilities = capabilitiesOf(request, privileged, host);
  return defaultSpec({
    host,
    args: [...(request.entrypoint ?? []), ...(request.command ?? [])],
    hostname: sharing.host.has('uts') ? undefined : (request.hostname ?? input.network?.hostname ?? id.slice(0, 12)),
    sharing,
    ...(request.workdir === undefined ? {} : { cwd: request.workdir }),
    terminal: request.tty === true,
    ...(input.network === undefined ? {} : { network: input.network.namespace ?? ('host' as const) }),
    capabilities,
    seccomp: seccompOf(request, capabilities, privileged),
    readonlyRoot: input.readonly,
    privileged,
  });
}

function withRequest(base: Spec, input: SpecInput): Spec {
  const { request } = input;
  return {
    ...base,
    root: { path: input.rootfs, readonly: input.readonly },
    ...(request.domainname === undefined ? {} : { domainname: request.domainname }),
    mounts: [...(base.mounts ?? []), ...mountsOf(input), ...(input.network?.mounts ?? [])],
    process: processOf(base, input),
    linux: linuxOf(base.linux ?? {}, request),
  };
}

function mountsOf({ request, mounts }: SpecInput): Mount[] {
  return mounts === undefined ? (request.mounts ?? []).map(mountOf) : mounts.map(({ mount }) => mount);
}

function processOf(base: Spec, input: SpecInput): Process {
  const { request } = input;
  const process = base.process ?? { cwd: '/' };
  const resolved = resolveUser({
    root: input.files ?? input.rootfs,
    user: request.user ?? '',
    ...(request.groups === undefined ? {} : { groups: request.groups }),
  });
  const user: User = {
    uid: resolved.uid,
    gid: resolved.gid,
    ...(resolved.additionalGids.length === 0 ? {} : { additionalGids: [...resolved.additionalGids] }),
    ...(request.umask === undefined ? {} : { umask: parseInt(request.umask, 8) }),
  };
  const given = [`HOME=${resolved.home ?? '/'}`, `HOSTNAME=${base.hostname ?? hostname()}`, ...(request.env ?? [])];
  return {
    ...process,
    user,
    // a name alone takes away what came before
    env: mergeEnv(process.env ?? [], given).filter((variable) => variable.includes('=')),
    rlimits: rlimitsOf(process.rlimits ?? [], request),
    noNewPrivileges: request.security?.noNewPrivileges === true,
    ...(request.security?.apparmor === undefined ? {} : { apparmorProfile: request.security.apparmor }),
    ...(request.oomScoreAdj === undefined ? {} : { oomScoreAdj: request.oomScoreAdj }),
  };
}

function rlimitsOf(defaults: NonNullable<Process['rlimits']>, request: CreateRequest): NonNullable<Process['rlimits']> {
  const limits = new Map(defaults.map((limit) => [limit.type, limit]));
  const seen = new Set<string>();
  for (const [index, { name, soft, hard }] of (request.ulimits ?? []).entries()) {
    const field = `ulimits[${String(index)}]`;
    const type = `RLIMIT_${name.toUpperCase()}`;
    if (!RLIMITS.has(type)) throw invalid(`${field}.name`, `there is no limit "${name}"`);
    if (seen.has(type)) throw invalid(`${field}.name`, `"${name}" stands twice`);
    seen.add(type);
    if (hard !== -1 && (soft === -1 || soft > hard)) throw invalid(`${field}.soft`, 'is more than the hard limit');
    limits.set(type, { type, soft: unlimited(soft), hard: unlimited(hard) });
  }
  return [...limits.values()];
}

function unlimited(limit: number): number | bigint {
  return limit === -1 ? NUMBER_OF_64_BITS_WITHOUT_SIGN : limit;
}

function linuxOf(base: Linux, request: CreateRequest): Linux {
  const devices = devicesOf(request);
  const resources = withLimits(base.resources ?? {}, normalLimits(request.limits ?? {}));
  const { security } = request;
  return {
    ...base,
    resources: {
      ...resources,
      devices: [...(resources.devices ?? []), ...devices.map(({ rule }) => rule), ...deviceRulesOf(request)],
    },
    ...(devices.length === 0 ? {} : { devices: [...(base.devices ?? []), ...devices.map(({ device }) => device)] }),
    ...(request.sysctls === undefined ? {} : { sysctl: request.sysctls }),
    ...(security?.maskedPaths === undefined ? {} : { maskedPaths: security.maskedPaths }),
    ...(security?.readonlyPaths === undefined ? {} : { readonlyPaths: security.readonlyPaths }),
  };
}

function capabilitiesOf(request: CreateRequest, privileged: boolean, host: SpecHost): string[] {
  const all = withinBoundingSet(CAPABILITIES, host.boundingSet);
  const add = capabilityNames(request.capabilities?.add ?? [], 'capabilities.add', all);
  const drop = new Set(capabilityNames(request.capabilities?.drop ?? [], 'capabilities.drop', CAPABILITIES));
  const base = privileged ? CAPABILITIES : DEFAULT_CAPABILITIES;
  // what is added by name stays where ALL is dropped, as docker has it
  const dropsAll = (request.capabilities?.drop ?? []).some((name) => name.toUpperCase() === 'ALL');
  const kept = base.filter((name) => !drop.has(name));
  const added = dropsAll ? add : add.filter((name) => !drop.has(name));
  return [...new Set([...kept, ...added])];
}

/** `all`: what ALL stands for. */
function capabilityNames(names: readonly string[], field: string, all: readonly string[]): string[] {
  return names.flatMap((name, index) => {
    if (name.toUpperCase() === 'ALL') return [...all];
    const capability = parseCapability(name);
    if (capability === undefined) throw invalid(`${field}[${String(index)}]`, `there is no capability "${name}"`);
    return [capability];
  });
}

function seccompOf(request: CreateRequest, capabilities: readonly string[], privileged: boolean): Seccomp | undefined {
  const asked = request.security?.seccomp;
  if (asked === 'unconfined' || (asked === undefined && privileged)) return undefined;
  if (asked === undefined || asked === 'default') return defaultSeccomp(new Set(capabilities));
  // what is in it is validated with the rest
  return asked as Seccomp;
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
