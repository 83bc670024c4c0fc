/**
 * `GET /metrics`: prom-client writes the text; it is loaded by the first request.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type { Registry } from 'prom-client';
import { answerRoute, type Api } from '../route.ts';

export const metrics = answerRoute({
  method: 'GET',
  path: '/metrics',
  tag: 'system',
  summary: 'Metrics for Prometheus',
  status: 200,
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  errors: [],
  answer: async (api) => (await registryOf(api)).metrics(),
});

const registries = new WeakMap<Api, Promise<Registry>>();

function registryOf(api: Api): Promise<Registry> {
  let registry = registries.get(api);
  if (registry === undefined) {
    registry = import('./prometheus.ts').then(({ createRegistry }) => createRegistry(api));
    registries.set(api, registry);
  }
  return registry;
}
