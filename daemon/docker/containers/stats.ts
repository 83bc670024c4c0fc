/** `GET /containers/{id}/stats` */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stats } from '../../../shared/api/stats.ts';
import { jsonText } from '../register.ts';
import { type Docker, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { NEVER, goTime } from '../time.ts';

/** Between the two that a share of the CPU is worked out of, where one answer is wanted. */
const APART_MS = 250;

export const stats: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/stats',
  resource: 'container',
  async handle(docker, call) {
    const { id } = docker.engine.inspect(call.id);
    if (call.query.flag('stream', true)) return { status: 200, stream: read(docker, call, id) };
    const before = call.query.flag('one-shot') ? undefined : await sample(docker, call, id);
    if (before?.running === true) await delay(APART_MS, undefined, { signal: call.signal });
    return { status: 200, json: shapeOf(await sample(docker, call, id), before) };
  },
});

async function* read({ engine }: Docker, call: DockerCall, id: string): AsyncGenerator<string, void, undefined> {
  let before: Stats | undefined;
  for await (const now of engine.stats(id, { stream: true }, call.signal)) {
    yield jsonText(shapeOf(now, before));
    before = now;
  }
}

async function sample({ engine }: Docker, call: DockerCall, id: string): Promise<Stats> {
  for await (const now of engine.stats(id, {}, call.signal)) return now;
  throw new Error('statistics came to an end before they began');
}

export function shapeOf(now: Stats, before: Stats | undefined): object {
  const { id, name, pids, networks } = now;
  // as dockerd has them: of v1 empty lists, of v2 nothing
  const uncounted = now.cpu?.perCpu === undefined ? null : [];
  return {
    read: now.running ? goTime(now.at) : NEVER,
    preread: before?.running === true ? goTime(before.at) : NEVER,
    pids_stats: { ...pids },
    blkio_stats: {
      io_service_bytes_recursive: serviceBytes(now),
      io_serviced_recursive: uncounted,
      io_queue_recursive: uncounted,
      io_service_time_recursive: uncounted,
      io_wait_time_recursive: uncounted,
      io_merged_recursive: uncounted,
      io_time_recursive: uncounted,
      sectors_recursive: uncounted,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuShape(now),
    precpu_stats: cpuShape(before),
    memory_stats: memoryShape(now),
    name: `/${name}`,
    id,
    ...(networks === undefined ? {} : { networks: networksShape(networks) }),
  };
}

function serviceBytes({ io }: Stats): object[] | null {
  if (io === undefined) return null;
  return io.devices.flatMap(({ major, minor, readBytes, writeBytes }) => [
    { major, minor, op: 'read', value: readBytes },
    { major, minor, op: 'write', value: writeBytes },
  ]);
}

function cpuShape(stats: Stats | undefined): object {
  const cpu = stats?.cpu;
  return {
    cpu_usage: {
      total_usage: cpu?.usage ?? 0,
      ...(cpu?.perCpu === undefined ? {} : { percpu_usage: cpu.perCpu }),
      usage_in_kernelmode: cpu?.kernel ?? 0,
      usage_in_usermode: cpu?.user ?? 0,
    },
    ...(cpu === undefined ? {} : { system_cpu_usage: cpu.hostUsage, online_cpus: cpu.onlineCpus }),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledNanoseconds ?? 0,
    },
  };
}

function memoryShape({ memory }: Stats): object {
  if (memory === undefined) return {};
  const { usage, peak, limit, details } = memory;
  return {
    ...(usage === undefined ? {} : { usage }),
    ...(peak === undefined ? {} : { max_usage: peak }),
    // clients take inactive_file (v2) or total_inactive_file (v1) of it off the usage
    stats: details ?? {},
    limit,
  };
}

function networksShape(networks: NonNullable<Stats['networks']>): object {
  return Object.fromEntries(
    Object.entries(networks).map(([name, one]) => [
      name,
      {
        rx_bytes: one.rxBytes,
        rx_packets: one.rxPackets,
        rx_errors: one.rxErrors,
        rx_dropped: one.rxDropped,
        tx_bytes: one.txBytes,
        tx_packets: one.txPackets,
        tx_errors: one.txErrors,
        tx_dropped: one.txDropped,
      },
    ]),
  );
}
