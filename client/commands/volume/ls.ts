import type { Volume, VolumeListQuery } from '../../../shared/api/volume.ts';
import type { Arguments } from '../../arguments.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters, truthOf, valuesOf } from '../../format/filters.ts';
import { formatRows, type Heads, type Row } from '../../format/rows.ts';
import { printable } from '../../format/table.ts';
import { print } from '../../output.ts';

const HEADS: Heads = {
  Driver: 'DRIVER',
  Name: 'VOLUME NAME',
  Mountpoint: 'MOUNTPOINT',
  Containers: 'CONTAINERS',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};
const FILTERS = ['name', 'label', 'dangling'];

export const ls: Command = {
  name: 'volume ls',
  usage: '[OPTIONS]',
  summary: 'List volumes',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(', ')}.`,
    'Filters: name= (part of it), label=KEY[=VALUE], dangling=true|false.',
  ],
  flags: [
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
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only names' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const rows = (await daemon.get<Volume[]>('/volumes', { ...listQuery(input) })).map(rowOf);
    if (input.boolean('quiet')) print(rows.map(({ Name }) => `${String(Name)}\n`).join(''));
    else print(formatRows(rows, input.string('format') ?? 'table', ['Driver', 'Name'], HEADS));
    return 0;
  },
};

function listQuery(input: Arguments): VolumeListQuery {
  const filters = parseFilters(input.list('filter'), FILTERS);
  const name = valuesOf(filters, 'name').at(-1);
  const label = valuesOf(filters, 'label');
  const dangling = truthOf(filters, 'dangling');
  return {
    ...(name === undefined ? {} : { name }),
    ...(label.length === 0 ? {} : { label }),
    ...(dangling === undefined ? {} : { dangling }),
  };
}

function rowOf(volume: Volume): Row {
  return {
    Driver: 'local',
    Name: volume.name,
    Mountpoint: volume.mountpoint,
    Containers: volume.containers.length,
    Labels: Object.entries(volume.labels)
      .map(([key, value]) => printable(`${key}=${value}`))
      .join(','),
    CreatedAt: volume.createdAt,
  };
}
