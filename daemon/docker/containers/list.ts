/** `GET /containers/json` */
import type { ContainerOverview, Engine } from '../../api/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Filters } from '../filters.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { LIST_FILTERS, admitting, asksForStopped } from './list-filters.ts';
import type { Showing } from './show/networks.ts';
import { type SummaryShown, summaryShown } from './show/summary.ts';

/** Trees that are measured at a time. */
const MEASURED_AT_A_TIME = 4;

export const listContainers: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/json',
  async handle({ engine }, { query, version }) {
    const filters = query.filters(LIST_FILTERS);
    const limit = query.integer('limit') ?? 0;
    // who wants the last few wants those that ended too
    const isAll = query.flag('all') || limit > 0 || asksForStopped(filters);
    const everything = engine.overview({ all: true, ...labelsOf(filters) });
    const admits = await admitting(engine, filters, everything);
    const found = everything.filter((container) => (isAll || runs(container)) && admits(container));
    const wanted = limit > 0 ? found.slice(0, limit) : found;
    const networks = new Map(engine.listNetworks({}).map((network) => [network.id, network]));
    const shown = showAll(engine, wanted, { version, networks });
    return { status: 200, json: query.flag('size') ? await withSizes(engine, shown) : shown };
  },
});

/** Left to the engine, but where one container's place among all others counts. */
function labelsOf(filters: Filters): { readonly label?: string[] } {
  const labels = filters.get('label') ?? [];
  if (labels.length === 0 || filters.has('before') || filters.has('since')) return {};
  return { label: [...labels] };
}

function runs({ status, restarting }: ContainerOverview): boolean {
  return status === 'running' || status === 'paused' || restarting;
}

function showAll(engine: Engine, containers: readonly ContainerOverview[], showing: Showing): SummaryShown[] {
  const now = Date.now();
  const ids = new Map<string, string | undefined>();
  const idOf = (image: string): string | undefined => {
    if (!ids.has(image)) ids.set(image, engine.identify(image, 'image'));
    return ids.get(image);
  };
  return containers.map((container) => {
    const { image = '', imageId = '' } = container;
    // a name that means another image by now would mislead
    const name = image === '' || idOf(image) === imageId ? image : imageId;
    return summaryShown(container, name, showing, now);
  });
}

/** What is gone meanwhile is left as it is. */
async function withSizes(engine: Engine, shown: readonly SummaryShown[]): Promise<SummaryShown[]> {
  const sized: SummaryShown[] = [...shown];
  let next = 0;
  const measure = async (): Promise<void> => {
    for (let index = next++; index < shown.length; index = next++) {
      const one = shown[index];
      if (one !== undefined) sized[index] = { ...one, ...(await sizeShown(engine, one.Id)) };
    }
  };
  await Promise.all(Array.from({ length: MEASURED_AT_A_TIME }, measure));
  return sized;
}

async function sizeShown(engine: Engine, id: string): Promise<Pick<SummaryShown, 'SizeRw' | 'SizeRootFs'>> {
  try {
    const { written, root } = await engine.containerSize(id);
    return { ...(written === 0 ? {} : { SizeRw: written }), SizeRootFs: root };
  } catch (error) {
    if (error instanceof EngineError && error.class === 'not_found') return {};
    throw error;
  }
}
