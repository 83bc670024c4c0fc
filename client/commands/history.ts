import type { ImageHistoryEntry } from '../../shared/api/image.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT } from '../errors.ts';
import { ago } from '../format/duration.ts';
import { formatRows, type Heads, type Row } from '../format/rows.ts';
import { size } from '../format/size.ts';
import { printable, shorten } from '../format/table.ts';
import { print } from '../output.ts';
import { imagePath } from '../targets.ts';
import { shownId } from './images.ts';

const HEADS: Heads = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
  Tags: 'TAGS',
};
const MISSING = '<missing>';
const LONGEST_COMMAND = 45;

export const history: Command = {
  name: 'history',
  usage: '[OPTIONS] IMAGE',
  summary: 'Show how an image was made',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(', ')}.`,
  ],
  flags: [
    {
      name: 'format',
      type: 'string',
      value: 'FORMAT',
      summary: 'table, json, a Go template, or "table TEMPLATE"',
      default: 'table',
      completes: ['table', 'json'],
    },
    { name: 'human', short: 'H', type: 'boolean', summary: 'sizes and times as people say them', default: 'true' },
    { name: 'no-trunc', type: 'boolean', summary: 'do not shorten ids and commands' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only ids' },
    { name: 'platform', type: 'string', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  run: show,
};

async function show(input: Arguments, { daemon }: Context): Promise<number> {
  const [ref = ''] = input.operands;
  const entries = await daemon.get<ImageHistoryEntry[]>(imagePath(ref, '/history'));
  const whole = input.boolean('no-trunc');
  const human = !input.has('human') || input.boolean('human');
  const now = Date.now();
  const rows = entries.map((entry) => rowOf(entry, { whole, human, now }));
  if (input.boolean('quiet')) print(rows.map(({ ID }) => `${String(ID)}\n`).join(''));
  else
    print(
      formatRows(
        rows,
        input.string('format') ?? 'table',
        ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
        HEADS,
      ),
    );
  return 0;
}

interface Shown {
  readonly whole: boolean;
  readonly human: boolean;
  readonly now: number;
}

function rowOf(entry: ImageHistoryEntry, { whole, human, now }: Shown): Row {
  const command = printable(entry.createdBy.replace(/[\t\n ]+/g, ' '));
  const { createdAt } = entry;
  const since = createdAt === undefined ? 'N/A' : human ? ago(createdAt, now) : createdAt;
  return {
    ID: entry.id === undefined ? MISSING : shownId(entry.id, whole),
    CreatedSince: since,
    CreatedAt: createdAt ?? '',
    CreatedBy: whole ? command : shorten(command, LONGEST_COMMAND),
    Size: human ? size(entry.size) : String(entry.size),
    Comment: printable(entry.comment),
    Tags: entry.names.join(', '),
  };
}
