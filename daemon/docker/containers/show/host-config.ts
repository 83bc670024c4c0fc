/** `HostConfig` of inspect: what was asked for, what it has become since, and defaults for all the rest. */
import type { ContainerDetail, Limits } from '../../../../shared/api/container.ts';
import { parseBytes } from '../../../../shared/units.ts';
import type { HostConfig } from '../translate/create-body.ts';

const SHM_SIZE = 64 * 1024 * 1024;
const NANO = 1e9;

export function hostConfigShown(detail: ContainerDetail, asked: HostConfig) {
  return {
    ...namesShown(detail, asked),
    ...namespacesShown(asked),
    ...limitsShown(detail.limits, asked),
    ...devicesShown(asked),
    ...securityShown(detail, asked),
    ...mountsOf(asked),
  };
}

function mountsOf({
  Mounts: mounts,
  Tmpfs: tmpfs,
  Init: init,
  StorageOpt: storage,
  Annotations: annotations,
}: HostConfig) {
  return {
    ...(mounts === undefined || mounts.length === 0 ? {} : { Mounts: mounts }),
    ...(tmpfs === undefined ? {} : { Tmpfs: tmpfs }),
    ...(init === undefined ? {} : { Init: init }),
    ...(storage === undefined ? {} : { StorageOpt: storage }),
    ...(annotations === undefined ? {} : { Annotations: annotations }),
  };
}

function namesShown(detail: ContainerDetail, asked: HostConfig) {
  const { Type: type = '', Config: config = {} } = asked.LogConfig ?? {};
  return {
    Binds: listOf(asked.Binds),
    ContainerIDFile: asked.ContainerIDFile ?? '',
    LogConfig: { Type: type === '' ? detail.logDriver : type, Config: config },
    NetworkMode: textOr(asked.NetworkMode, 'default'),
    PortBindings: portBindings(asked),
    RestartPolicy: restartShown(detail, asked),
    AutoRemove: detail.autoRemove,
    VolumeDriver: asked.VolumeDriver ?? '',
    VolumesFrom: listOf(asked.VolumesFrom),
    ConsoleSize: (asked.ConsoleSize ?? []).length === 2 ? asked.ConsoleSize : [0, 0],
    Dns: asked.Dns ?? null,
    DnsOptions: asked.DnsOptions ?? null,
    DnsSearch: asked.DnsSearch ?? null,
    ExtraHosts: listOf(asked.ExtraHosts),
    Links: listOf(asked.Links),
    PublishAllPorts: asked.PublishAllPorts ?? false,
  };
}

function portBindings({ PortBindings: bindings }: HostConfig) {
  if (bindings === undefined) return null;
  const shown = Object.entries(bindings).map(([port, places]) => {
    const key = port.includes('/') ? port : `${port}/tcp`;
    return [key, places.map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort }))] as const;
  });
  return Object.fromEntries(shown);
}

/** As it is now; no policy by the name it was asked for by. */
function restartShown({ restart }: ContainerDetail, { RestartPolicy: asked }: HostConfig) {
  const isNamed = restart.name !== 'no' || (asked?.Name ?? '') !== '';
  return { Name: isNamed ? restart.name : '', MaximumRetryCount: restart.maximumRetryCount ?? 0 };
}

function namespacesShown(asked: HostConfig) {
  return {
    CgroupnsMode: textOr(asked.CgroupnsMode, asked.Privileged === true ? 'host' : 'private'),
    Cgroup: asked.Cgroup ?? '',
    CgroupParent: asked.CgroupParent ?? '',
    IpcMode: textOr(asked.IpcMode, 'private'),
    PidMode: asked.PidMode ?? '',
    UTSMode: asked.UTSMode ?? '',
    UsernsMode: asked.UsernsMode ?? '',
    ShmSize: asked.ShmSize === undefined || asked.ShmSize === 0 ? SHM_SIZE : asked.ShmSize,
    Runtime: textOr(asked.Runtime, 'runc'),
    Isolation: asked.Isolation ?? '',
    ...(Object.keys(asked.Sysctls ?? {}).length === 0 ? {} : { Sysctls: asked.Sysctls }),
  };
}

/** Those in force, which an update may have changed. */
function limitsShown(limits: Limits, asked: HostConfig) {
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: bytes(limits.memory),
    NanoCpus: Math.round((limits.cpus ?? 0) * NANO),
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: listOf(asked.BlkioWeightDevice),
    BlkioDeviceReadBps: listOf(asked.BlkioDeviceReadBps),
    BlkioDeviceWriteBps: listOf(asked.BlkioDeviceWriteBps),
    BlkioDeviceReadIOps: listOf(asked.BlkioDeviceReadIOps),
    BlkioDeviceWriteIOps: listOf(asked.BlkioDeviceWriteIOps),
    CpuPeriod: limits.cpuPeriod ?? 0,
    CpuQuota: limits.cpuQuota ?? 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: limits.cpuset ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    KernelMemory: 0,
    KernelMemoryTCP: 0,
    MemoryReservation: bytes(limits.memoryReservation),
    MemorySwap: limits.memorySwap === -1 ? -1 : bytes(limits.memorySwap),
    MemorySwappiness: limits.memorySwappiness ?? null,
    OomKillDisable: limits.oomKillDisable ?? false,
    OomScoreAdj: asked.OomScoreAdj ?? 0,
    PidsLimit: limits.pids === undefined || limits.pids <= 0 ? null : limits.pids,
    Ulimits: listOf(asked.Ulimits),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function devicesShown(asked: HostConfig) {
  return {
    Devices: asked.Devices ?? null,
    DeviceCgroupRules: listOf(asked.DeviceCgroupRules),
    DeviceRequests: asked.DeviceRequests ?? null,
  };
}

/** Paths that nobody asked for as the spec has them: those are in force. */
function securityShown({ spec }: ContainerDetail, asked: HostConfig) {
  const { linux = {} } = spec as { linux?: { maskedPaths?: readonly string[]; readonlyPaths?: readonly string[] } };
  return {
    CapAdd: listOf(asked.CapAdd),
    CapDrop: listOf(asked.CapDrop),
    GroupAdd: listOf(asked.GroupAdd),
    Privileged: asked.Privileged ?? false,
    ReadonlyRootfs: asked.ReadonlyRootfs ?? false,
    SecurityOpt: listOf(asked.SecurityOpt),
    MaskedPaths: asked.MaskedPaths ?? someOf(linux.maskedPaths),
    ReadonlyPaths: asked.ReadonlyPaths ?? someOf(linux.readonlyPaths),
  };
}

function listOf<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list ?? null;
}

function someOf<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list === undefined || list.length === 0 ? null : list;
}

function textOr(text: string | undefined, otherwise: string): string {
  return text === undefined || text === '' ? otherwise : text;
}

function bytes(value: Limits['memory']): number {
  return value === undefined ? 0 : parseBytes(value);
}
