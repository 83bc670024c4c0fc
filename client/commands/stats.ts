import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerSummary } from '../../shared/api/container.ts';
import type { Stats } from '../../shared/api/stats.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CliError, EXIT } from '../errors.ts';
import { bytes } from '../format/bytes.ts';
import { formatRows, type Heads, type Row } from '../format/rows.ts';
import { size } from '../format/size.ts';
import { printSlowly } from '../output.ts';
import { containerPath } from '../targets.ts';

const HEADS: Heads = {
  Container: 'CONTAINER',
  ID: 'CONTAINER ID',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};
const USUAL = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'];

const INTERVAL_MS = 1000;
/** Between the first two, so that the first picture has shares of the CPU in it. */
const FIRST_MS = 200;
/** The cursor to the corner, and what stands below it away: ECMA-48, CUP and ED. */
const HOME = '\u001b[H\u001b[J';

export const stats: Command = {
  name: 'stats',
  usage: '[OPTIONS] [CONTAINER...]',
  summary: 'Show what containers use, each second',
  notes: [
    'Without a container: all that run. Fields of --format: .Container, .ID, .Name, .CPUPerc, .MemUsage, .MemPerc, .NetIO, .BlockIO, .PIDs. What this host does not count is shown as "--".',
  ],
  flags: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'show also those that do not run' },
    {
      name: 'format',
      type: 'string',
      value: 'FORMAT',
      summary: 'table, json, a Go template, or "table TEMPLATE"',
      default: 'table',
      completes: ['table', 'json'],
    },
    { name: 'no-stream', type: 'boolean', summary: 'show them once' },
    { name: 'no-trunc', type: 'boolean', summary: 'do not shorten ids' },
  ],
  operands: { min: 0 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: show,
};

async function show(input: Arguments, context: Context): Promise<number> {
  const isOnce = input.boolean('no-stream');
  const isScreen = process.stdout.isTTY && !isOnce;
  let before = await samples(input, context);
  let pause = FIRST_MS;
  for (;;) {
    await delay(pause);
    const now = await samples(input, context);
    const text = picture(input, now, before);
    await printSlowly(isScreen ? `${HOME}${text}` : text);
    if (isOnce) return 0;
    before = now;
    pause = INTERVAL_MS;
  }
}

type Samples = ReadonlyMap<string, Stats & { readonly ref: string }>;

/** By id, in the order in which they are asked for. One that was named must be there; others may go meanwhile. */
async function samples(input: Arguments, { daemon }: Context): Promise<Samples> {
  const named = input.operands;
  const refs = named.length > 0 ? named : await idsOf(input, daemon);
  const found = await Promise.all(
    refs.map(async (ref) => {
      try {
        return { ...(await sample(daemon, ref)), ref };
      } catch (error) {
        if (named.length > 0 || !(error instanceof CliError)) throw error;
        // ignoring one that has gone since it was listed
        return undefined;
      }
    }),
  );
  return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.id, one]])));
}

async function sample(daemon: Context['daemon'], ref: string): Promise<Stats> {
  let one: Stats | undefined;
  await daemon.lines(containerPath(ref, '/stats'), {}, (line) => {
    one = line as Stats;
  });
  if (one === undefined) throw new CliError(`container ${ref}: the daemon told nothing`);
  return one;
}

async function idsOf(input: Arguments, daemon: Context['daemon']): Promise<string[]> {
  const containers = await daemon.get<ContainerSummary[]>('/containers', input.boolean('all') ? { all: true } : {});
  return containers.map(({ id }) => id);
}

function picture(input: Arguments, now: Samples, before: Samples): string {
  const whole = input.boolean('no-trunc');
  const rows = [...now.values()].map((one) => rowOf(one, before.get(one.id), whole));
  return formatRows(rows, input.string('format') ?? 'table', USUAL, HEADS);
}

/** Exported for its test. */
export function rowOf(now: Stats & { readonly ref: string }, before: Stats | undefined, whole: boolean): Row {
  const { id, name, memory, networks, io, pids } = now;
  // cache that could go at once is not what the container needs
  const used = memory?.usage === undefined ? undefined : Math.max(memory.usage - (memory.inactiveFile ?? 0), 0);
  const limit = memory?.limit;
  const ofNetworks = (field: 'rxBytes' | 'txBytes'): number | undefined =>
    networks === undefined ? undefined : sum(Object.values(networks).map((one) => one[field]));
  const ofDevices = (field: 'readBytes' | 'writeBytes'): number | undefined =>
    io === undefined ? undefined : sum(io.devices.map((one) => one[field]));
  return {
    Container: now.ref,
    ID: whole ? id : id.slice(0, 12),
    Name: name,
    CPUPerc: percent(cpuShare(now, before)),
    MemUsage: pair(used, limit, bytes),
    MemPerc: percent(used === undefined || limit === undefined ? undefined : used / limit),
    NetIO: pair(ofNetworks('rxBytes'), ofNetworks('txBytes'), size),
    BlockIO: pair(ofDevices('readBytes'), ofDevices('writeBytes'), size),
    PIDs: pids?.current === undefined ? '--' : String(pids.current),
  };
}

/** Of one CPU, as docker shows it: 2 where two are busy. */
function cpuShare({ cpu }: Stats, before: Stats | undefined): number | undefined {
  const earlier = before?.cpu;
  if (cpu?.usage === undefined || earlier?.usage === undefined) return undefined;
  const host = cpu.hostUsage - earlier.hostUsage;
  return host <= 0 ? 0 : (Math.max(cpu.usage - earlier.usage, 0) / host) * cpu.onlineCpus;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function percent(share: number | undefined): string {
  return share === undefined ? '--' : `${(share * 100).toFixed(2)}%`;
}

function pair(first: number | undefined, second: number | undefined, text: (count: number) => string): string {
  const shown = (count: number | undefined): string => (count === undefined ? '--' : text(count));
  return `${shown(first)} / ${shown(second)}`;
}
