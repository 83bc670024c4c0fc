import { readFileSync } from 'node:fs';
import { factsOf, update as updateGroup } from '../../daemon/runtime/cgroups/live.ts';
import { parseJson } from '../../daemon/runtime/spec/json.ts';
import type { Resources } from '../../daemon/runtime/spec/types.ts';
import { resources as checkResources } from '../../daemon/runtime/spec/validate-resources.ts';
import { parseBytes } from '../../shared/units.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { readRecord } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { OciError, UsageError, messageOf } from '../errors.ts';

const NO_RDT = 'cache and memory bandwidth are said in config.json, linux.intelRdt';
const KERNEL_GONE = 'the kernel no longer limits kernel memory by itself';

export const update: Command = {
  name: 'update',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Change the limits of a container while it runs',
  notes: [
    'All is changed or, where the kernel refuses one value, nothing. What is not named stays as it is. With --resources, ' +
      'the other flags do nothing. BYTES may have a unit, as in 512m; -1 is no limit.',
  ],
  flags: [
    {
      name: 'resources',
      short: 'r',
      type: 'string',
      value: 'FILE',
      summary: 'take linux.resources from FILE, JSON; - is stdin',
    },
    { name: 'blkio-weight', type: 'integer', value: 'WEIGHT', summary: 'share of block I/O, 10 to 1000' },
    { name: 'cpu-period', type: 'integer', value: 'US', summary: 'microseconds after which the quota is renewed' },
    { name: 'cpu-quota', type: 'integer', value: 'US', summary: 'microseconds of processor time in a period' },
    { name: 'cpu-burst', type: 'integer', value: 'US', summary: 'microseconds that unused quota may add up to' },
    {
      name: 'cpu-share',
      aliases: ['cpu-shares'],
      type: 'integer',
      value: 'SHARES',
      summary: 'share of the processors, 2 to 262144; 1024 is usual',
    },
    { name: 'cpu-rt-period', type: 'integer', value: 'US', summary: 'microseconds of a real-time period' },
    { name: 'cpu-rt-runtime', type: 'integer', value: 'US', summary: 'microseconds of real-time in a period' },
    { name: 'cpu-idle', type: 'integer', value: '0|1', summary: '1: only processor time that nobody else wants' },
    { name: 'cpuset-cpus', type: 'string', value: 'LIST', summary: 'processors to use, such as 0-2,4' },
    { name: 'cpuset-mems', type: 'string', value: 'LIST', summary: 'memory nodes to use' },
    { name: 'memory', type: 'string', value: 'BYTES', summary: 'limit of memory' },
    { name: 'memory-reservation', type: 'string', value: 'BYTES', summary: 'memory that is taken away last' },
    { name: 'memory-swap', type: 'string', value: 'BYTES', summary: 'limit of memory and swap together' },
    { name: 'pids-limit', type: 'integer', value: 'COUNT', summary: 'limit of processes and threads' },
    { name: 'kernel-memory', type: 'string', summary: '', ignored: KERNEL_GONE },
    { name: 'kernel-memory-tcp', type: 'string', summary: '', ignored: KERNEL_GONE },
    { name: 'l3-cache-schema', type: 'string', summary: '', refused: NO_RDT },
    { name: 'mem-bw-schema', type: 'string', summary: '', refused: NO_RDT },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  run: change,
};

function change(input: Arguments, { root, runtime, log }: Context): number {
  const record = readRecord(root, input.operands[0] ?? '');
  const status = statusOf(root, record, runtime.cgroups);
  if (status === 'stopped' || status === 'creating') {
    throw new OciError(`container ${record.id} is ${status}: there are no limits to change`);
  }
  const file = input.string('resources');
  const asked = file === undefined ? resourcesOf(input) : readResources(file);
  log.debug(`container ${record.id}: changing ${Object.keys(asked).join(', ')} of ${record.cgroupPath}`);
  updateGroup(factsOf(runtime.cgroups(), record.cgroupPath), record.cgroupPath, asked);
  return 0;
}

/** An empty list of devices, as tools write it that have nothing to say of them, changes none. */
function readResources(file: string): Resources {
  const name = file === '-' ? 'stdin' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new OciError(`update: ${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const { devices = [], ...others } = checkResources(parseJson(text, name), 'linux.resources', { unknown: 'ignore' });
  return devices.length === 0 ? others : { ...others, devices };
}

type Memory = NonNullable<Resources['memory']>;
type Cpu = NonNullable<Resources['cpu']>;

/** What the flags say, checked as config.json is. */
function resourcesOf(input: Arguments): Resources {
  const cpu = present<Cpu>({
    shares: input.integer('cpu-share'),
    quota: input.integer('cpu-quota'),
    period: input.integer('cpu-period'),
    burst: input.integer('cpu-burst'),
    realtimeRuntime: input.integer('cpu-rt-runtime'),
    realtimePeriod: input.integer('cpu-rt-period'),
    idle: input.integer('cpu-idle'),
    cpus: input.string('cpuset-cpus'),
    mems: input.string('cpuset-mems'),
  });
  const memory = present<Memory>({
    limit: bytesOf(input, 'memory'),
    reservation: bytesOf(input, 'memory-reservation'),
    swap: bytesOf(input, 'memory-swap'),
  });
  const blockIO = present({ weight: input.integer('blkio-weight') });
  const pids = present({ limit: input.integer('pids-limit') });
  const asked = present({ cpu, memory, blockIO, pids });
  if (asked === undefined) throw new UsageError('update needs --resources or at least one limit');
  return checkResources(asked, 'linux.resources', { unknown: 'refuse' });
}

/** Without what is undefined; undefined if that is all. */
function present<T extends object>(from: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> | undefined {
  const entries = Object.entries(from).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}

function bytesOf(input: Arguments, name: string): number | undefined {
  const text = input.string(name);
  if (text === undefined || text === '-1') return text === undefined ? undefined : -1;
  try {
    return parseBytes(text);
  } catch (error) {
    throw new UsageError(`flag --${name}: ${messageOf(error)}`, { cause: error });
  }
}
