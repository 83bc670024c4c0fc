/** `GET /info` */
import { createHash } from 'node:crypto';
import type { Info } from '../../../shared/api/system.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { machineName, operatingSystem } from './host.ts';

export const info: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/info',
  async handle(docker) {
    const about = docker.engine.info();
    const images = await docker.engine.listImages({});
    return { status: 200, json: { ...identity(about, images.length), ...abilities(about), ...extensions() } };
  },
});

/** Clients tell daemons apart by it; nothing of the host is in it that could be read back. */
function idOf({ hostname, root }: Info): string {
  const hex = createHash('sha256').update(`${hostname}\0${root}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function identity(about: Info, images: number): object {
  const { containers, version, root, hostname, cpus, memory } = about;
  const system = operatingSystem();
  return {
    ID: idOf(about),
    Containers: containers.total,
    ContainersRunning: containers.running,
    ContainersPaused: containers.paused,
    ContainersStopped: containers.total - containers.running - containers.paused,
    Images: images,
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'overlay'],
      ['Native Overlay Diff', 'true'],
    ],
    SystemStatus: null,
    SystemTime: new Date().toISOString(),
    KernelVersion: version.kernel,
    OperatingSystem: system.name,
    OSVersion: system.version,
    OSType: 'linux',
    Architecture: machineName(),
    NCPU: cpus,
    MemTotal: memory,
    DockerRootDir: root,
    Name: hostname,
    ServerVersion: version.version,
    Labels: [],
    IndexServerAddress: 'https://index.docker.io/v1/',
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
  };
}

function abilities({ cgroup, features, network }: Info): object {
  const has = (controller: string): boolean => Object.hasOwn(cgroup.controllers, controller);
  const can = (feature: string): boolean => features[feature]?.available === true;
  return {
    CgroupDriver: 'cgroupfs',
    CgroupVersion: cgroup.mode === 'v2' ? '2' : '1',
    MemoryLimit: has('memory'),
    SwapLimit: can('swapLimit'),
    KernelMemory: false,
    KernelMemoryTCP: false,
    CpuCfsPeriod: has('cpu'),
    CpuCfsQuota: has('cpu'),
    CPUShares: has('cpu'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pids'),
    OomKillDisable: can('oomKillDisable'),
    IPv4Forwarding: true,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    Warnings: network.warnings.length === 0 ? null : network.warnings,
  };
}

/** What is there of what others may add, and what is not. */
function extensions(): object {
  const commit = { ID: '', Expected: '' };
  return {
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: ['json-file', 'none'],
    },
    LoggingDriver: 'json-file',
    Debug: false,
    NFd: 0,
    NGoroutines: 0,
    NEventsListener: 0,
    ExperimentalBuild: false,
    RegistryConfig: {
      InsecureRegistryCIDRs: ['127.0.0.0/8'],
      IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } },
      Mirrors: [],
    },
    GenericResources: null,
    Runtimes: { tare: { path: 'tare' }, runc: { path: 'tare' } },
    DefaultRuntime: 'tare',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'tare-shim',
    ContainerdCommit: commit,
    RuncCommit: commit,
    InitCommit: commit,
  };
}
