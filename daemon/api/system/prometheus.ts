/** The daemon's metrics in prom-client's registry, which knows the process' own. Loaded by the first `GET /metrics`. */
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { STATUSES, type Status } from '../../../shared/api/container.ts';
import type { Engine } from '../engine.ts';
import { BUCKETS, type RequestRecorder, type RouteCounts } from '../recorder.ts';
import type { Api } from '../route.ts';

export function createRegistry({ engine, recorder }: Pick<Api, 'engine' | 'recorder'>): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'tare_containers',
    help: 'Containers by status',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      const counts = countByStatus(engine);
      for (const status of STATUSES) this.set({ status }, counts.get(status) ?? 0);
    },
  });
  for (const metric of requestMetrics(recorder)) {
    // The registry asks a metric for no more than its name and `get`.
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }
  return registry;
}

function countByStatus(engine: Engine): Map<Status, number> {
  const counts = new Map<Status, number>();
  for (const { status } of engine.list({ all: true })) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

function requestMetrics(recorder: RequestRecorder) {
  return [
    metric('tare_api_requests_total', 'counter', 'Requests answered, by route and status', () =>
      perRoute(recorder, (counts, labels) =>
        [...counts.statuses].map(([status, value]) => ({ value, labels: { ...labels, status } })),
      ),
    ),
    metric('tare_api_problems_total', 'counter', 'Requests refused or failed, by route and code of the problem', () =>
      perRoute(recorder, (counts, labels) =>
        [...counts.problems].map(([code, value]) => ({ value, labels: { ...labels, code } })),
      ),
    ),
    metric(DURATION, 'histogram', 'Time from the request to the end of its answer', () =>
      perRoute(recorder, histogram),
    ),
  ];
}

function metric(name: string, type: 'counter' | 'histogram', help: string, samples: () => Sample[]) {
  return { name, get: () => Promise.resolve({ name, help, type, aggregator: 'sum', values: samples() }) };
}

type RouteLabels = Readonly<Record<'method' | 'route', string>>;

function perRoute(
  recorder: RequestRecorder,
  samples: (counts: RouteCounts, labels: RouteLabels) => Sample[],
): Sample[] {
  return [...recorder.routes()].flatMap((counts) => samples(counts, { method: counts.method, route: counts.route }));
}

const DURATION = 'tare_api_request_seconds';

function histogram(counts: RouteCounts, labels: RouteLabels): Sample[] {
  let cumulative = 0;
  const buckets = BUCKETS.map((le, index): Sample => {
    cumulative += counts.buckets[index] ?? 0;
    return { value: cumulative, labels: { ...labels, le }, metricName: `${DURATION}_bucket` };
  });
  return [
    ...buckets,
    { value: counts.count, labels: { ...labels, le: '+Inf' }, metricName: `${DURATION}_bucket` },
    { value: counts.seconds, labels, metricName: `${DURATION}_sum` },
    { value: counts.count, labels, metricName: `${DURATION}_count` },
  ];
}
