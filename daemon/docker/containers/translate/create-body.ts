/**
 * The body of `POST /containers/create`: Config, HostConfig and NetworkingConfig of the Docker Engine API 1.51, and what
 * older versions had besides. What is kept of it for inspect (engine.dockerRequest) is what was read: names as they are
 * written here, without what nobody knows.
 */
import {
  command,
  flag,
  integer,
  list,
  map,
  names,
  struct,
  text,
  texts,
  words,
  type Read,
  type Shape,
} from './go-json.ts';

export const healthConfig = struct('container.HealthConfig', {
  Test: words,
  Interval: integer,
  Timeout: integer,
  StartPeriod: integer,
  StartInterval: integer,
  Retries: integer,
});

export const restartPolicy = struct('container.RestartPolicy', { Name: text, MaximumRetryCount: integer });

const portBinding = struct('nat.PortBinding', { HostIp: text, HostPort: text });
const bindOptions = struct('mount.BindOptions', {
  Propagation: text,
  NonRecursive: flag,
  CreateMountpoint: flag,
  ReadOnlyNonRecursive: flag,
  ReadOnlyForceRecursive: flag,
});
const volumeOptions = struct('mount.VolumeOptions', {
  NoCopy: flag,
  Labels: texts,
  Subpath: text,
  DriverConfig: struct('mount.Driver', { Name: text, Options: texts }),
});
const tmpfsOptions = struct('mount.TmpfsOptions', { SizeBytes: integer, Mode: integer, Options: list(words, []) });
const mount = struct('mount.Mount', {
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: bindOptions,
  VolumeOptions: volumeOptions,
  TmpfsOptions: tmpfsOptions,
  ImageOptions: struct('mount.ImageOptions', { Subpath: text }),
  ClusterOptions: struct('mount.ClusterOptions', {}),
});
const device = struct('container.DeviceMapping', { PathOnHost: text, PathInContainer: text, CgroupPermissions: text });
const deviceRequest = struct('container.DeviceRequest', {
  Driver: text,
  Count: integer,
  DeviceIDs: words,
  Capabilities: list(words, []),
  Options: texts,
});
const ulimit = struct('units.Ulimit', { Name: text, Soft: integer, Hard: integer });
const weightDevice = struct('blkiodev.WeightDevice', { Path: text, Weight: integer });
const throttleDevice = struct('blkiodev.ThrottleDevice', { Path: text, Rate: integer });

/** What `POST /containers/{id}/update` takes too. */
export const RESOURCES = {
  CpuShares: integer,
  Memory: integer,
  NanoCpus: integer,
  CgroupParent: text,
  BlkioWeight: integer,
  BlkioWeightDevice: list(weightDevice, {}),
  BlkioDeviceReadBps: list(throttleDevice, {}),
  BlkioDeviceWriteBps: list(throttleDevice, {}),
  BlkioDeviceReadIOps: list(throttleDevice, {}),
  BlkioDeviceWriteIOps: list(throttleDevice, {}),
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: list(device, {}),
  DeviceCgroupRules: words,
  DeviceRequests: list(deviceRequest, {}),
  KernelMemory: integer,
  KernelMemoryTCP: integer,
  MemoryReservation: integer,
  MemorySwap: integer,
  MemorySwappiness: integer,
  OomKillDisable: flag,
  PidsLimit: integer,
  Ulimits: list(ulimit, {}),
  CpuCount: integer,
  CpuPercent: integer,
  IOMaximumIOps: integer,
  IOMaximumBandwidth: integer,
} as const satisfies Record<string, Shape<unknown>>;

export const hostConfig = struct('container.HostConfig', {
  ...RESOURCES,
  Binds: words,
  ContainerIDFile: text,
  LogConfig: struct('container.LogConfig', { Type: text, Config: texts }),
  NetworkMode: text,
  PortBindings: map(list(portBinding, {}), []),
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: words,
  CapAdd: command,
  CapDrop: command,
  Capabilities: words,
  CgroupnsMode: text,
  Dns: words,
  DnsOptions: words,
  DnsSearch: words,
  ExtraHosts: words,
  GroupAdd: words,
  IpcMode: text,
  Cgroup: text,
  Links: words,
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: words,
  StorageOpt: texts,
  Tmpfs: texts,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: texts,
  Runtime: text,
  ConsoleSize: list(integer, 0),
  Isolation: text,
  Mounts: list(mount, {}),
  MaskedPaths: words,
  ReadonlyPaths: words,
  Init: flag,
  Annotations: texts,
});

export const endpointSettings = struct('network.EndpointSettings', {
  IPAMConfig: struct('network.EndpointIPAMConfig', { IPv4Address: text, IPv6Address: text, LinkLocalIPs: words }),
  Links: words,
  Aliases: words,
  MacAddress: text,
  DriverOpts: texts,
  GwPriority: integer,
});

export const createBody = struct('container.CreateRequest', {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: names,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: words,
  Cmd: command,
  Healthcheck: healthConfig,
  ArgsEscaped: flag,
  Image: text,
  Volumes: names,
  WorkingDir: text,
  Entrypoint: command,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: words,
  Labels: texts,
  StopSignal: text,
  StopTimeout: integer,
  Shell: command,
  HostConfig: hostConfig,
  NetworkingConfig: struct('network.NetworkingConfig', { EndpointsConfig: map(endpointSettings, {}) }),
});

export type CreateBody = Read<typeof createBody>;
export type HostConfig = Read<typeof hostConfig>;
export type EndpointSettings = Read<typeof endpointSettings>;
export type MountBody = Read<typeof mount>;
export type Resources = Pick<HostConfig, keyof typeof RESOURCES>;

/** Throws DockerError 400. */
export function readCreateBody(body: unknown): CreateBody {
  return createBody.read(body, '') ?? {};
}
