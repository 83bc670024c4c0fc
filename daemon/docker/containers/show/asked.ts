/**
 * What a container was asked for, as a body of the Docker Engine API. One that another client made was never asked for
 * with such a body: then it is what would have come to the same.
 */
import type { ContainerDetail, CreateRequest } from '../../../../shared/api/container.ts';
import type { Publish } from '../../../../shared/api/network.ts';
import { parseBytes } from '../../../../shared/units.ts';
import type { CreateBody, HostConfig, MountBody } from '../translate/create-body.ts';

type Device = NonNullable<HostConfig['Devices']>[number];

/** `docker`: what engine.dockerRequest() gives. */
export function askedFor(detail: ContainerDetail, docker: unknown): CreateBody {
  return docker === undefined ? ofNative(detail) : (docker as CreateBody);
}

function ofNative(detail: ContainerDetail): CreateBody {
  const request = detail.request as CreateRequest;
  const spec = detail.spec as { process?: { args?: readonly string[]; env?: readonly string[]; cwd?: string } };
  const { args = [], env = [], cwd = '/' } = spec.process ?? {};
  return {
    User: request.user ?? '',
    ...(request.hostname === undefined ? {} : { Hostname: request.hostname }),
    ...(request.domainname === undefined ? {} : { Domainname: request.domainname }),
    ExposedPorts: Object.fromEntries(detail.exposedPorts.map((port) => [port, {}])),
    Tty: detail.tty,
    OpenStdin: detail.stdin,
    Env: env,
    Cmd: args,
    Entrypoint: [],
    Image: detail.image ?? detail.rootfs,
    WorkingDir: cwd,
    Labels: detail.labels,
    StopSignal: detail.stopSignal,
    StopTimeout: detail.stopTimeout,
    HostConfig: hostConfigOf(detail, request),
  };
}

function hostConfigOf(detail: ContainerDetail, request: CreateRequest): HostConfig {
  const { network = {}, security = {}, capabilities = {} } = request;
  return {
    NetworkMode: modeOf(detail),
    PortBindings: bindingsOf(network.publish ?? []),
    PublishAllPorts: network.publishAll === true,
    AutoRemove: detail.autoRemove,
    ...(capabilities.add === undefined ? {} : { CapAdd: capabilities.add }),
    ...(capabilities.drop === undefined ? {} : { CapDrop: capabilities.drop }),
    ...(network.dns?.servers === undefined ? {} : { Dns: network.dns.servers }),
    ...(network.dns?.search === undefined ? {} : { DnsSearch: network.dns.search }),
    ...(network.dns?.options === undefined ? {} : { DnsOptions: network.dns.options }),
    ...(network.hosts === undefined
      ? {}
      : { ExtraHosts: network.hosts.map(({ name, address }) => `${name}:${address}`) }),
    ...(request.groups === undefined ? {} : { GroupAdd: request.groups }),
    ...(request.ipc === undefined ? {} : { IpcMode: request.ipc }),
    ...(request.pid === undefined || request.pid === 'private' ? {} : { PidMode: request.pid }),
    ...(request.uts === 'host' ? { UTSMode: 'host' } : {}),
    ...(request.cgroupNamespace === undefined ? {} : { CgroupnsMode: request.cgroupNamespace }),
    ...(request.cgroupParent === undefined ? {} : { CgroupParent: request.cgroupParent }),
    ...(request.shmSize === undefined ? {} : { ShmSize: parseBytes(request.shmSize) }),
    ...(request.oomScoreAdj === undefined ? {} : { OomScoreAdj: request.oomScoreAdj }),
    ...(request.init === undefined ? {} : { Init: request.init }),
    ...(request.sysctls === undefined ? {} : { Sysctls: request.sysctls }),
    ...(request.deviceRules === undefined ? {} : { DeviceCgroupRules: request.deviceRules }),
    ...(request.devices === undefined ? {} : { Devices: request.devices.map(deviceOf) }),
    ...(request.ulimits === undefined
      ? {}
      : { Ulimits: request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })) }),
    ...(request.mounts === undefined ? {} : { Mounts: request.mounts.map(mountOf) }),
    Privileged: security.privileged === true,
    ReadonlyRootfs: security.readonlyRootfs === true,
    LogConfig: { Type: detail.logDriver, Config: {} },
  };
}

function modeOf({ networkMode, endpoints }: ContainerDetail): string {
  return networkMode === 'bridge' ? (endpoints[0]?.networkName ?? 'bridge') : networkMode;
}

function bindingsOf(publish: readonly Publish[]): NonNullable<HostConfig['PortBindings']> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { containerPort, hostPort, count = 1, hostAddress = '', protocol = 'tcp' } of publish) {
    for (let index = 0; index < count; index++) {
      const key = `${String(containerPort + index)}/${protocol}`;
      const port = hostPort === undefined ? '' : String(hostPort + index);
      (bindings[key] ??= []).push({ HostIp: hostAddress, HostPort: port });
    }
  }
  return bindings;
}

function deviceOf({ source, target, permissions }: NonNullable<CreateRequest['devices']>[number]): Device {
  return { PathOnHost: source, PathInContainer: target ?? source, CgroupPermissions: permissions ?? 'rwm' };
}

function mountOf({ type, source, target, readonly }: NonNullable<CreateRequest['mounts']>[number]): MountBody {
  return {
    Type: type,
    ...(source === undefined ? {} : { Source: source }),
    Target: target,
    ...(readonly === true ? { ReadOnly: true } : {}),
  };
}
