/** What a container uses, once or each second. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { InterfaceStats, Stats, StatsQuery } from '../../shared/api/stats.ts';
import { nowTimestamp } from '../../shared/time.ts';
import { stats as groupStats } from '../runtime/cgroups/stats.ts';
import { cgroupOf } from './cgroup-parent.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';

const INTERVAL_MS = 1000;
/** USER_HZ is 100: proc_stat(5). */
const NS_PER_TICK = 10_000_000;

/** One, or with `stream` one each second until the container is removed or `signal` is aborted. Throws `container_not_found`. */
export function stats(
  context: Context,
  ref: string,
  { stream = false }: StatsQuery,
  signal: AbortSignal,
): AsyncIterable<Stats> {
  const container = context.containers.find(ref);
  return samples(context, container, stream, signal);
}

async function* samples(
  context: Context,
  container: Container,
  stream: boolean,
  signal: AbortSignal,
): AsyncGenerator<Stats, void, undefined> {
  for (;;) {
    yield sample(context, container);
    if (!stream || !(await waited(signal))) return;
    if (context.containers.get(container.id) !== container) return;
  }
}

/** False: whoever asked has gone. */
async function waited(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(INTERVAL_MS, undefined, { signal, ref: false });
  } catch {
    // ignoring why: it is the signal's
  }
  return !signal.aborted;
}

function sample(context: Context, container: Container): Stats {
  const { id, name, row } = container;
  const head = { id, name, at: nowTimestamp() };
  if (row.pid === null) return { ...head, running: false };
  const { cpu, memory, pids, io, oomKills } = groupStats(context.cgroups, cgroupOf(context, id));
  return defined({
    ...head,
    running: true,
    cpu: {
      usage: cpu.usageNanoseconds,
      user: cpu.userNanoseconds,
      kernel: cpu.kernelNanoseconds,
      perCpu: cpu.perCpuNanoseconds,
      hostUsage: hostUsage(),
      onlineCpus: availableParallelism(),
      periods: cpu.periods,
      throttledPeriods: cpu.throttledPeriods,
      throttledNanoseconds: cpu.throttledNanoseconds,
    },
    memory: {
      usage: memory.current,
      peak: memory.peak,
      limit: Math.min(memory.limit ?? totalmem(), totalmem()),
      swap: memory.swap,
      inactiveFile: memory.inactiveFile,
      details: memory.details === undefined ? undefined : Object.fromEntries(memory.details),
    },
    pids,
    io,
    networks: hasOwnNetwork(container) ? interfaces(row.pid) : undefined,
    oomKills,
  }) as Stats;
}

/** Without what is not known, at all depths. */
function defined(value: object): object {
  const known = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    known.map(([key, item]: [string, unknown]) => [
      key,
      typeof item === 'object' && item !== null && !Array.isArray(item) ? defined(item) : item,
    ]),
  );
}

function hasOwnNetwork({ row }: Container): boolean {
  return row.network.mode === 'bridge' || row.network.mode === 'none';
}

/** proc_stat(5): the first line without what is counted in others (guest, guest_nice). */
function hostUsage(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const ticks = line.split(/ +/).slice(1, 9);
  return ticks.reduce((sum, text) => sum + Number(text), 0) * NS_PER_TICK;
}

/** proc_pid_net(5), dev; undefined where the process has ended. */
function interfaces(pid: number): Record<string, InterfaceStats> | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${String(pid)}/net/dev`, 'utf8');
  } catch {
    // ignoring that it has ended meanwhile
    return undefined;
  }
  return interfacesOf(text);
}

/** Exported for its test. */
export function interfacesOf(text: string): Record<string, InterfaceStats> {
  const found: Record<string, InterfaceStats> = {};
  for (const line of text.split('\n').slice(2)) {
    const [, name, rest] = /^ *([^:]+): *(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || name === 'lo') continue;
    const field = rest.split(/ +/).map(Number);
    const at = (index: number): number => field[index] ?? 0;
    found[name] = {
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    };
  }
  return found;
}
