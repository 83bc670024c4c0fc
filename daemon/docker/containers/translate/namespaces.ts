/** Which namespaces a container has of its own, and what of the kernel's it sets in them. */
import type { CreateRequest } from '../../../../shared/api/container.ts';
import type { CreateBody, HostConfig } from './create-body.ts';
import type { Knows } from './host.ts';
import { plain, quoted, refuse } from './refuse.ts';

type Parts = Partial<CreateRequest>;

const CONTAINER = 'container:';
/** With a slash in front what the native API takes. */
const LONGEST_PARENT = 3071;
const RUNTIMES: ReadonlySet<string> = new Set(['', 'runc', 'io.containerd.runc.v2', 'tare']);

/** Throws DockerError 400. */
export function namespacesOf(body: CreateBody, knows: Pick<Knows, 'container'>): Parts {
  const { HostConfig: host = {} } = body;
  refuseUnknown(host);
  return {
    ...ipcOf(host, knows),
    ...pidOf(host, knows),
    ...utsOf(body, host),
    ...cgroupOf(host),
    ...parentOf(host),
    ...shmOf(host),
    ...(Object.keys(host.Sysctls ?? {}).length === 0 ? {} : { sysctls: { ...host.Sysctls } }),
    ...ulimitsOf(host),
  };
}

/** What there is one of, or nothing. */
function refuseUnknown(host: HostConfig): void {
  const { Runtime: runtime = '', Isolation: isolation = '', UsernsMode: users = '' } = host;
  if (!RUNTIMES.has(runtime)) refuse(`Unknown runtime specified ${plain(runtime)}`);
  if (isolation !== '' && isolation !== 'default') {
    refuse(`Invalid isolation: ${quoted(isolation)} - linux only supports 'default'`);
  }
  if (users !== '' && users !== 'host') refuse(`invalid user namespace mode: ${plain(users)}`);
  if (Object.keys(host.StorageOpt ?? {}).length > 0) {
    refuse("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
}

function ipcOf({ IpcMode: mode = '' }: HostConfig, knows: Pick<Knows, 'container'>): Parts {
  if (mode === '') return {};
  if (mode === 'none' || mode === 'private' || mode === 'shareable' || mode === 'host') return { ipc: mode };
  return { ipc: joined(mode, 'IPC', knows) };
}

function pidOf({ PidMode: mode = '' }: HostConfig, knows: Pick<Knows, 'container'>): Parts {
  if (mode === '' || mode === 'private') return {};
  return { pid: mode === 'host' ? 'host' : joined(mode, 'PID', knows) };
}

/** Throws DockerError 400. */
function joined(mode: string, what: string, knows: Pick<Knows, 'container'>): string {
  const ref = mode.startsWith(CONTAINER) ? mode.slice(CONTAINER.length) : '';
  if (ref === '') refuse(`invalid ${what} mode: ${plain(mode)}`);
  return CONTAINER + knows.container(ref).id;
}

function utsOf({ Hostname: hostname = '' }: CreateBody, { UTSMode: mode = '' }: HostConfig): Parts {
  if (mode === '' || mode === 'private') return {};
  if (mode !== 'host') refuse(`invalid UTS mode: ${plain(mode)}`);
  if (hostname !== '') refuse('conflicting options: hostname and the UTS mode');
  return { uts: 'host' };
}

function cgroupOf({ CgroupnsMode: mode = '', Privileged: privileged = false }: HostConfig): Parts {
  // a privileged container sees the host's groups, as it always has with Docker
  if (mode === '') return privileged ? { cgroupNamespace: 'host' } : {};
  if (mode === 'private' || mode === 'host') return { cgroupNamespace: mode };
  return refuse(`invalid cgroup namespace mode: ${plain(mode)}`);
}

/** What does not begin at the root begins there: there is no other place to begin at. */
function parentOf({ CgroupParent: parent = '' }: HostConfig): Parts {
  if (parent === '') return {};
  if (parent.includes('\n') || parent.length > LONGEST_PARENT) {
    refuse(`invalid cgroup parent: ${quoted(parent.slice(0, 128))}`);
  }
  return { cgroupParent: parent.startsWith('/') ? parent : `/${parent}` };
}

/** Who has no /dev/shm of its own has none to give a size to. */
function shmOf({ ShmSize: size = 0, IpcMode: ipc = '' }: HostConfig): Parts {
  if (size < 0) refuse('SHM size can not be less than 0');
  const isOwn = ipc === '' || ipc === 'private' || ipc === 'shareable';
  return size === 0 || !isOwn ? {} : { shmSize: size };
}

function ulimitsOf({ Ulimits: asked = [] }: HostConfig): Parts {
  const ulimits = asked.map(({ Name: name = '', Soft: soft = 0, Hard: hard = 0 }) => {
    if (hard !== -1 && (soft > hard || soft === -1)) {
      refuse(`ulimit soft limit must be less than or equal to hard limit: ${String(soft)} > ${String(hard)}`);
    }
    if (!/^[a-z]+$/.test(name)) refuse(`invalid ulimit type: ${plain(name)}`);
    return { name, soft, hard };
  });
  return ulimits.length === 0 ? {} : { ulimits };
}
