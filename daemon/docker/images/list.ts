/** `GET /images/json` */
import type { ImageListQuery, ImageSummary } from '../../../shared/api/image.ts';
import { type Filters, flagOf } from '../filters.ts';
import { momentOf } from '../moments.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { unixSeconds } from '../time.ts';
import { IMAGE_TEXTS } from './texts.ts';

const FILTERS = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'] as const;
/** Before it, what has no name was shown under a name that says so. */
const WITHOUT_PLACEHOLDERS_SINCE = 43;
const VIRTUAL_SIZE_UNTIL = 43;

export const listImages: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/json',
  texts: IMAGE_TEXTS,
  async handle({ engine }, call) {
    const filters = call.query.filters(FILTERS);
    const images = await engine.listImages(queryOf(filters, call.query.flag('all')));
    const isShared = call.query.flag('shared-size');
    const unwanted = filters.get('label!') ?? [];
    const shown = images.filter(({ labels }) => !unwanted.some((label) => hasLabel(labels, label)));
    return { status: 200, json: shown.map((image) => summaryOf(image, call.version, isShared)) };
  },
});

function queryOf(filters: Filters, all: boolean): ImageListQuery {
  const dangling = flagOf(filters, 'dangling');
  const [before] = filters.get('before') ?? [];
  const [since] = filters.get('since') ?? [];
  const [until] = filters.get('until') ?? [];
  const reference = filters.get('reference') ?? [];
  const label = filters.get('label') ?? [];
  return {
    ...(all ? { all } : {}),
    ...(dangling === undefined ? {} : { dangling }),
    ...(before === undefined ? {} : { before }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
    ...(reference.length === 0 ? {} : { reference: [...reference] }),
    ...(label.length === 0 ? {} : { label: [...label] }),
  };
}

function hasLabel(labels: Readonly<Record<string, string>>, asked: string): boolean {
  const [key = '', ...value] = asked.split('=');
  return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join('='));
}

export function summaryOf(image: ImageSummary, version: number, isShared: boolean): object {
  const { names, digests, size } = image;
  const isDangling = names.length === 0 && version < WITHOUT_PLACEHOLDERS_SINCE;
  return {
    Containers: -1,
    Created: unixSeconds(image.createdAt ?? '0001-01-01T00:00:00Z'),
    Id: image.id,
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    ParentId: '',
    RepoDigests: isDangling && digests.length === 0 ? ['<none>@<none>'] : digests,
    RepoTags: isDangling ? ['<none>:<none>'] : names.filter((name) => !name.includes('@')),
    SharedSize: isShared ? image.sharedSize : -1,
    Size: size,
    ...(version <= VIRTUAL_SIZE_UNTIL ? { VirtualSize: size } : {}),
  };
}
