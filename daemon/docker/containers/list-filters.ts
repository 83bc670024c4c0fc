/** The filters of `GET /containers/json`: which containers they admit. Those of one key are alternatives; labels are not. */
import type { ContainerOverview, Engine } from '../../api/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { type Filters, admitsLabels } from '../filters.ts';
import { namePattern } from '../name-pattern.ts';
import { exitCodeOf, STATES, stateOf } from './show/state.ts';
import { plain, quoted } from './translate/refuse.ts';

export const LIST_FILTERS = [
  ...['ancestor', 'before', 'expose', 'exited', 'health', 'id', 'isolation', 'is-task', 'label', 'name', 'network'],
  ...['publish', 'since', 'status', 'volume'],
];

const HEALTH = ['none', 'starting', 'healthy', 'unhealthy'];

type Admits = (container: ContainerOverview) => boolean;

/** `all`: every container, newest first. Throws DockerError 400. */
export async function admitting(engine: Engine, filters: Filters, all: readonly ContainerOverview[]): Promise<Admits> {
  const checks: Admits[] = [({ labels }) => admitsLabels(labels, filters)];
  const on = (key: string, make: (values: readonly string[]) => Admits): void => {
    const values = filters.get(key) ?? [];
    if (values.length > 0) checks.push(make(values));
  };
  on(
    'id',
    (ids) =>
      ({ id }) =>
        ids.some((one) => id.startsWith(one)),
  );
  on('name', (names) => {
    const patterns = names.map(namePattern);
    return ({ name }) => patterns.some((matches) => matches(name) || matches(`/${name}`));
  });
  on('status', statusCheck);
  on('health', healthCheck);
  on('exited', exitedCheck);
  on('before', (refs) => orderCheck(engine, all, refs, 'before'));
  on('since', (refs) => orderCheck(engine, all, refs, 'since'));
  on(
    'volume',
    (names) =>
      ({ mounts }) =>
        mounts.some(({ name, destination }) => names.includes(name ?? '') || names.includes(destination)),
  );
  on('network', networkCheck);
  on('expose', (texts) => portCheck(texts, 'expose'));
  on('publish', (texts) => portCheck(texts, 'publish'));
  on('is-task', (values) => {
    if (values.some((value) => value !== 'true' && value !== 'false')) refuseValue('is-task', values.join(' '));
    return () => values.includes('false');
  });
  on('isolation', (values) => () => values.some((value) => value === '' || value === 'default'));
  const ancestors = filters.get('ancestor') ?? [];
  if (ancestors.length > 0) checks.push(await ancestorCheck(engine, ancestors));
  return (container) => checks.every((check) => check(container));
}

/** Whether containers are asked for that do not run. */
export function asksForStopped(filters: Filters): boolean {
  return (filters.get('status') ?? []).length > 0 || (filters.get('exited') ?? []).length > 0;
}

function refuseValue(key: string, value: string): never {
  throw new DockerError(400, `invalid filter '${key}=${plain(value)}'`);
}

function statusCheck(values: readonly string[]): Admits {
  for (const value of values) if (!STATES.some((state) => state === value)) refuseValue('status', value);
  return (container) => values.includes(stateOf(container));
}

function healthCheck(values: readonly string[]): Admits {
  const unknown = values.find((value) => !HEALTH.includes(value));
  if (unknown !== undefined) throw new DockerError(400, `unrecognized filter value for health: ${plain(unknown)}`);
  return ({ health }) => values.includes(health ?? 'none');
}

/** One that never ran has not ended. */
function exitedCheck(values: readonly string[]): Admits {
  const wrong = values.find((value) => !/^[+-]?[0-9]{1,9}$/.test(value));
  if (wrong !== undefined) throw new DockerError(400, `invalid value for exited: ${quoted(wrong)} is not a number`);
  const codes = values.map(Number);
  return (container) =>
    stateOf(container) === 'exited' && container.exit !== undefined && codes.includes(exitCodeOf(container.exit));
}

/** Made before, or after, that one was. */
function orderCheck(
  engine: Engine,
  all: readonly ContainerOverview[],
  refs: readonly string[],
  which: 'before' | 'since',
): Admits {
  const places = new Map(all.map(({ id }, index) => [id, index]));
  const [ref = '', more] = refs;
  if (more !== undefined) throw new DockerError(400, `more than one ${which} filter specified`);
  const place = places.get(engine.identify(ref.replace(/^\//, '')) ?? '');
  if (place === undefined) throw new DockerError(400, `no such container ${plain(ref)}`);
  return ({ id }) => {
    const own = places.get(id) ?? 0;
    return which === 'before' ? own > place : own < place;
  };
}

function networkCheck(refs: readonly string[]): Admits {
  return ({ networkMode, endpoints }) =>
    refs.some(
      (ref) =>
        ((ref === 'host' || ref === 'none') && networkMode === ref) ||
        endpoints.some(({ network, networkName }) => networkName === ref || (ref !== '' && network.startsWith(ref))),
    );
}

interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

/** "80", "80/udp", "8000-8010/tcp": ports of the host that are published, or of the container. */
function portCheck(texts: readonly string[], key: 'expose' | 'publish'): Admits {
  const ranges = texts.map((text): PortRange => {
    const [, first, last = first, protocol = 'tcp'] =
      /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
    if (first === undefined)
      throw new DockerError(400, `error while looking up for ${key} ${plain(text)}: it is no port`);
    return { first: Number(first), last: Number(last), protocol };
  });
  const meets = (from: number, to: number, protocol: string): boolean =>
    ranges.some((range) => range.protocol === protocol && from <= range.last && to >= range.first);
  if (key === 'publish') {
    return (container) =>
      isUp(container) &&
      container.ports.some(
        ({ hostPort, count, protocol }) => hostPort !== undefined && meets(hostPort, hostPort + count - 1, protocol),
      );
  }
  return (container) =>
    isUp(container) &&
    (container.ports.some(({ containerPort, count, protocol }) =>
      meets(containerPort, containerPort + count - 1, protocol),
    ) ||
      container.exposedPorts.some((port) => {
        const [number = '', protocol = 'tcp'] = port.split('/');
        return meets(Number(number), Number(number), protocol);
      }));
}

/** Only then it has ports, as Docker shows them. */
function isUp({ status }: ContainerOverview): boolean {
  return status === 'running' || status === 'paused';
}

/** Made of that image, or of one that begins with all of its layers. */
async function ancestorCheck(engine: Engine, refs: readonly string[]): Promise<Admits> {
  const chains: (readonly string[])[] = [];
  const ids = new Set<string>();
  for (const ref of refs) {
    const detail = await imageOrNone(engine, ref);
    if (detail === undefined) continue;
    ids.add(detail.id);
    chains.push(detail.layers);
  }
  const descends = new Map<string, boolean>();
  const known = await Promise.all(
    [...new Set(engine.list({ all: true }).map(({ imageId }) => imageId))].map(async (id) => ({
      id,
      layers: id === undefined || ids.size === 0 ? [] : ((await imageOrNone(engine, id))?.layers ?? []),
    })),
  );
  for (const { id, layers } of known) {
    if (id === undefined) continue;
    const isBuiltOn = chains.some(
      (chain) => chain.length > 0 && chain.every((layer, index) => layers[index] === layer),
    );
    descends.set(id, ids.has(id) || isBuiltOn);
  }
  return ({ imageId, image }) =>
    refs.includes(image ?? '') || (imageId !== undefined && descends.get(imageId) === true);
}

async function imageOrNone(
  engine: Engine,
  ref: string,
): Promise<{ id: string; layers: readonly string[] } | undefined> {
  try {
    const { id, layers } = await engine.inspectImage(ref);
    return { id, layers: layers.map(({ diffId }) => diffId) };
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}
