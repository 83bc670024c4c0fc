/** What pull, push and load tell of their layers, as one row of text each. */
import type { Progress } from '../../shared/api/image.ts';
import { size } from '../format/size.ts';
import { printable, shorten } from '../format/table.ts';

export type Status = NonNullable<Progress['status']>;

/** How the end of a layer is called: by pull, push and load. */
export type Done = 'Pull complete' | 'Pushed' | 'Loaded' | 'Imported';

export interface LayerState {
  readonly label: string;
  readonly status: Status;
  readonly current: number | undefined;
  readonly total: number | undefined;
  readonly detail: string | undefined;
}

const WORDS: Readonly<Record<Status, string>> = {
  resolved: 'Found',
  exists: 'Already exists',
  waiting: 'Waiting',
  retrying: 'Retrying',
  downloading: 'Downloading',
  unpacking: 'Extracting',
  reading: 'Reading',
  uploading: 'Pushing',
  mounted: 'Mounted',
  done: 'Complete',
};
const ENDS: ReadonlySet<Status> = new Set(['exists', 'mounted', 'done']);

const STATUS_WIDTH = 14;
const BAR_MAX = 50;
/** Narrower ones tell nothing. */
const BAR_MIN = 8;

/** Nothing more will come of it. */
export function isOver({ status }: LayerState): boolean {
  return ENDS.has(status);
}

export function layerState(progress: Progress): LayerState {
  return {
    label: labelOf(progress),
    status: progress.status ?? 'waiting',
    current: progress.current,
    total: progress.total,
    detail: progress.detail,
  };
}

/** Twelve digits of a layer's digest; what is about no layer goes by the image's name. */
function labelOf({ layer, image }: Progress): string {
  if (layer === undefined) return printable(image ?? '');
  return printable(layer.replace(/^[a-z0-9]+:/, '').slice(0, 12));
}

export function statusText(state: LayerState, done: Done): string {
  if (state.status === 'done') return done;
  const { detail } = state;
  const more = detail !== undefined && (state.status === 'mounted' || state.status === 'retrying');
  return more ? `${WORDS[state.status]} (${printable(detail)})` : WORDS[state.status];
}

/** "3f4ca61aafcd: Downloading    [====>     ]  12.3MB/45.6MB", at most `columns` wide. */
export function row(state: LayerState, columns: number, done: Done): string {
  const text = `${state.label}: ${statusText(state, done)}`;
  const { current } = state;
  if (isOver(state) || current === undefined) return shorten(text, columns);
  const counts = countsOf(state);
  const head = `${state.label}: ${statusText(state, done).padEnd(STATUS_WIDTH)} `;
  const { total } = state;
  const room = Math.min(BAR_MAX, columns - head.length - counts.length - 4);
  if (total === undefined || total === 0 || room < BAR_MIN) return shorten(`${head}${counts}`, columns);
  return `${head}[${bar(current / total, room)}]  ${counts}`;
}

function countsOf({ current = 0, total }: LayerState): string {
  return total === undefined ? size(current) : `${size(current)}/${size(total)}`;
}

function bar(part: number, width: number): string {
  const filled = Math.min(width, Math.max(0, Math.floor(part * width)));
  if (filled === width) return '='.repeat(width);
  return `${'='.repeat(filled)}>`.padEnd(width);
}
