import { setTimeout as delay } from 'node:timers/promises';
import { stringifyJson } from '../../daemon/runtime/spec/json.ts';
import { whenReadable } from '../../native-bindings/libc.ts';
import { pidfdOpen } from '../../native-bindings/pidfd.ts';
import { parseDuration } from '../../shared/units.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { readRecord, type ContainerRecord } from '../container/state.ts';
import { isAlive, statusOf } from '../container/status.ts';
import { OciError, UsageError, messageOf } from '../errors.ts';
import { watchOom } from '../events/oom.ts';
import { statsOf } from '../events/stats.ts';

const DEFAULT_INTERVAL = '5s';

export const events: Command = {
  name: 'events',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Show what a container uses, and when it runs out of memory',
  notes: [
    'One JSON object a line: {"type":"stats","id":…,"data":{…}} now and after each interval, {"type":"oom","id":…} when ' +
      'it happens, until the container ends.',
  ],
  flags: [
    { name: 'stats', type: 'boolean', summary: 'print what it uses now, and end' },
    {
      name: 'interval',
      type: 'string',
      value: 'DURATION',
      summary: 'time from stats to stats, such as 500ms or 1m',
      default: DEFAULT_INTERVAL,
    },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  run: show,
};

async function show(input: Arguments, context: Context): Promise<number> {
  const { root, runtime } = context;
  const interval = intervalOf(input.string('interval') ?? DEFAULT_INTERVAL);
  const record = readRecord(root, input.operands[0] ?? '');
  const status = statusOf(root, record, runtime.cgroups);
  if (status === 'stopped' || status === 'creating') {
    throw new OciError(`container ${record.id} is ${status}: there is nothing to count`);
  }
  if (input.boolean('stats')) printStats(record, context);
  else await follow(record, context, interval);
  return 0;
}

/** Milliseconds. */
function intervalOf(text: string): number {
  let interval: number;
  try {
    interval = parseDuration(text);
  } catch (error) {
    throw new UsageError(`flag --interval: ${messageOf(error)}`, { cause: error });
  }
  if (interval < 1 || interval > 2 ** 31 - 1) throw new UsageError(`flag --interval: ${text} is out of range`);
  return interval;
}

function printStats({ id, pid, cgroupPath }: ContainerRecord, { runtime, print }: Context): void {
  const data = statsOf(runtime.cgroups(), cgroupPath, pid);
  print(`${stringifyJson({ type: 'stats', id, data })}\n`);
}

async function follow(record: ContainerRecord, context: Context, interval: number): Promise<void> {
  const init = pidfdOpen(record.pid);
  // Asked again once the descriptor is there: from now on the number is certainly its own.
  if (init === undefined || !isAlive(record)) return;
  const over = new AbortController();
  const ended = whenReadable(init, () => {
    over.abort();
  });
  const oom = watchOom(context.runtime.cgroups(), record.cgroupPath, () => {
    context.print(`${JSON.stringify({ type: 'oom', id: record.id })}\n`);
  });
  if (oom === undefined) context.log.warning('this host does not count memory: no oom will be told');
  try {
    while (!over.signal.aborted) {
      printStats(record, context);
      await delay(interval, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    ended.close();
    oom?.close();
  }
}
