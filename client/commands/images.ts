import type { ImageListQuery, ImageSummary } from '../../shared/api/image.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT } from '../errors.ts';
import { ago } from '../format/duration.ts';
import { parseFilters, truthOf, valuesOf } from '../format/filters.ts';
import { formatRows, type Heads, type Row } from '../format/rows.ts';
import { size } from '../format/size.ts';
import { printable } from '../format/table.ts';
import { print } from '../output.ts';
import { moment } from './logs.ts';

const HEADS: Heads = {
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
  Containers: 'CONTAINERS',
  Platform: 'PLATFORM',
  Labels: 'LABELS',
};
const FILTERS = ['reference', 'dangling', 'label', 'before', 'since', 'until'];
const NONE = '<none>';

export const images: Command = {
  name: 'images',
  usage: '[OPTIONS] [NAME[:TAG]]',
  summary: 'List images',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(', ')}.`,
    'Filters: reference=PATTERN, dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME.',
  ],
  flags: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'show the steps of builds too' },
    { name: 'digests', type: 'boolean', summary: 'show digests too' },
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only those that match',
      completes: FILTERS.map((key) => `${key}=`),
    },
    {
      name: 'format',
      type: 'string',
      value: 'FORMAT',
      summary: 'table, json, a Go template, or "table TEMPLATE"',
      default: 'table',
      completes: ['table', 'json'],
    },
    { name: 'no-trunc', type: 'boolean', summary: 'do not shorten ids' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only ids' },
    { name: 'tree', type: 'boolean', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 0, max: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  run: list,
};

async function list(input: Arguments, { daemon }: Context): Promise<number> {
  const found = await daemon.get<ImageSummary[]>('/images', { ...listQuery(input) });
  const whole = input.boolean('no-trunc');
  const ordered = found.toSorted((a, b) => compare(b.createdAt ?? '', a.createdAt ?? ''));
  if (input.boolean('quiet')) {
    print([...new Set(ordered.map(({ id }) => shownId(id, whole)))].map((id) => `${id}\n`).join(''));
    return 0;
  }
  const now = Date.now();
  const rows = ordered.flatMap((image) => rowsOf(image, { whole, now }));
  const wanted = input.operands[0] === undefined ? rows : rows.filter((row) => isAsked(row, input.operands[0] ?? ''));
  const usual = ['Repository', 'Tag', ...(input.boolean('digests') ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'];
  print(formatRows(wanted, input.string('format') ?? 'table', usual, HEADS));
  return 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function listQuery(input: Arguments): ImageListQuery {
  const filters = parseFilters(input.list('filter'), FILTERS);
  const reference = [...input.operands, ...valuesOf(filters, 'reference')];
  const label = valuesOf(filters, 'label');
  const dangling = truthOf(filters, 'dangling');
  const [before, since] = [valuesOf(filters, 'before').at(-1), valuesOf(filters, 'since').at(-1)];
  const until = moment('--filter until', valuesOf(filters, 'until').at(-1));
  return {
    ...(input.boolean('all') ? { all: true } : {}),
    ...(reference.length === 0 ? {} : { reference }),
    ...(label.length === 0 ? {} : { label }),
    ...(dangling === undefined ? {} : { dangling }),
    ...(before === undefined ? {} : { before }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/** Of an image with several names only those that were asked for, as docker has it. */
function isAsked({ Repository: repository, Tag: tag }: Row, asked: string): boolean {
  if (/[*?[\\]/.test(asked)) return true;
  return (
    asked === repository || asked === `${String(repository)}:${String(tag)}` || String(repository).endsWith(`/${asked}`)
  );
}

interface Shown {
  readonly whole: boolean;
  readonly now: number;
}

/** A row a name; one without a name has one all the same. */
function rowsOf(image: ImageSummary, { whole, now }: Shown): readonly Row[] {
  const common = {
    ID: shownId(image.id, whole),
    CreatedSince: image.createdAt === undefined ? 'N/A' : ago(image.createdAt, now),
    CreatedAt: image.createdAt ?? '',
    Size: size(image.size),
    SharedSize: size(image.sharedSize),
    UniqueSize: size(image.size - image.sharedSize),
    Containers: image.containers,
    Platform: image.platform,
    Labels: Object.entries(image.labels)
      .map(([key, value]) => printable(`${key}=${value}`))
      .join(','),
  };
  if (image.names.length === 0) {
    const [named = ''] = image.digests;
    const at = named.indexOf('@');
    const repository = at === -1 ? NONE : named.slice(0, at);
    return [{ Repository: repository, Tag: NONE, Digest: at === -1 ? NONE : named.slice(at + 1), ...common }];
  }
  return image.names.map((name) => {
    const { repository, tag } = splitName(name);
    const digest = image.digests.find((one) => one.startsWith(`${repository}@`))?.slice(repository.length + 1);
    return { Repository: repository, Tag: tag, Digest: digest ?? NONE, ...common };
  });
}

/** "localhost:5000/app:1" */
export function splitName(name: string): { repository: string; tag: string } {
  const at = name.indexOf('@');
  if (at !== -1) return { repository: splitName(name.slice(0, at)).repository, tag: NONE };
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon === -1
    ? { repository: name, tag: NONE }
    : { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** Twelve digits, or all of it with its algorithm. */
export function shownId(id: string, whole: boolean): string {
  return whole ? id : id.replace(/^sha256:/, '').slice(0, 12);
}
