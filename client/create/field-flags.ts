/** A problem of the API names a field; a user of the command line knows the flag that it came from. */
import { ProblemError } from '../errors.ts';

/** By field: "[]" stands for any place in a list, and what lies deeper has the flag of what it lies in. */
export type FieldFlags = Readonly<Record<string, string>>;

/** Of `create`, `run` and `update`, where the names differ. */
const CREATE_FIELDS: FieldFlags = {
  'limits.memory': '--memory',
  'limits.memorySwap': '--memory-swap',
  'limits.memoryReservation': '--memory-reservation',
  'limits.cpus': '--cpus',
  'limits.cpuShares': '--cpu-shares',
  'limits.cpuset': '--cpuset-cpus',
  'limits.pids': '--pids-limit',
  'limits.cpuQuota': '--cpu-quota',
  'limits.cpuPeriod': '--cpu-period',
  'limits.cpusetMems': '--cpuset-mems',
  'limits.blkioWeight': '--blkio-weight',
  'limits.blkioWeightDevice': '--blkio-weight-device',
  'limits.deviceReadBps': '--device-read-bps',
  'limits.deviceWriteBps': '--device-write-bps',
  'limits.deviceReadIops': '--device-read-iops',
  'limits.deviceWriteIops': '--device-write-iops',
  'limits.memorySwappiness': '--memory-swappiness',
  'limits.oomKillDisable': '--oom-kill-disable',
  'security.apparmor': '--security-opt apparmor',
  pid: '--pid',
  ipc: '--ipc',
  uts: '--uts',
  cgroupNamespace: '--cgroupns',
  cgroupParent: '--cgroup-parent',
  shmSize: '--shm-size',
  secrets: '--secret',
  deviceRules: '--device-cgroup-rule',
  'log.driver': '--log-driver',
  'log.maxSize': '--log-opt max-size',
  'log.maxFiles': '--log-opt max-file',
  'network.mode': '--network',
  'network.networks': '--network',
  'network.networks[].ipv4': '--ip, or ip= of --network',
  'network.networks[].ipv6': '--ip6, or ip6= of --network',
  'network.networks[].mac': '--mac-address, or mac-address= of --network',
  'network.networks[].aliases': '--network-alias, or alias= of --network',
  'network.publish': '--publish',
  'network.dns.servers': '--dns',
  'network.dns.search': '--dns-search',
  'network.dns.options': '--dns-option',
  'network.expose': '--expose',
  'network.hosts': '--add-host or --link',
  restart: '--restart',
  'healthcheck.test': '--health-cmd',
  'healthcheck.interval': '--health-interval',
  'healthcheck.timeout': '--health-timeout',
  'healthcheck.startPeriod': '--health-start-period',
  'healthcheck.startInterval': '--health-start-interval',
  'healthcheck.retries': '--health-retries',
  interfaces: '--interface',
  pinNamespaces: '--pin-namespace',
  publish: '--publish',
  stopSignal: '--stop-signal',
  stopTimeout: '--stop-timeout',
  oomScoreAdj: '--oom-score-adj',
  ulimits: '--ulimit',
  devices: '--device',
  groups: '--group-add',
  platform: '--platform',
  entrypoint: '--entrypoint',
  mounts: '--volume, --mount or --tmpfs',
};

/** The error itself, or where a flag is to be told, the same with a hint of it. */
export function withFlag(error: unknown, flags = CREATE_FIELDS): unknown {
  if (!(error instanceof ProblemError) || error.hint !== undefined || error.problem.field === undefined) return error;
  const flag = flagOf(error.problem.field.replace(/\[\d+\]/g, '[]'), flags);
  return flag === undefined ? error : new ProblemError({ ...error.problem, hint: `it was given with ${flag}` });
}

function flagOf(field: string, flags: FieldFlags): string | undefined {
  const flag = flags[field];
  if (flag !== undefined || field === '') return flag;
  return flagOf(field.replace(/(\[\]|[.]?[^.[\]]+)$/, ''), flags);
}
