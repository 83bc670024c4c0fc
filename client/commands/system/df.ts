import type { DiskUsage } from '../../../shared/api/storage.ts';
import type { Arguments } from '../../arguments.ts';
import type { Command, Context } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { ago } from '../../format/duration.ts';
import { formatRows, type Heads, type Row } from '../../format/rows.ts';
import { size } from '../../format/size.ts';
import { printable, table } from '../../format/table.ts';
import { print } from '../../output.ts';
import { shownId, splitName } from '../images.ts';

const HEADS: Heads = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' };

export const df: Command = {
  name: 'system df',
  usage: '[OPTIONS]',
  summary: 'Show what images, containers and volumes take on the disk',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(
        ', ',
      )}. Containers are what they wrote, and their logs. Content is what images are made of as registries have it; with the images unpacked it could be fetched again, so it is what a pull, push or save needs, not what a container needs.`,
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
    { name: 'verbose', short: 'v', type: 'boolean', summary: 'each of them' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  run: show,
};

async function show(input: Arguments, { daemon }: Context): Promise<number> {
  const usage = await daemon.get<DiskUsage>('/system/df');
  const format = input.string('format') ?? 'table';
  if (!input.boolean('verbose')) {
    print(formatRows(rowsOf(usage), format, Object.keys(HEADS), HEADS));
    return 0;
  }
  print(format === 'json' ? `${JSON.stringify(usage)}\n` : inFull(usage));
  return 0;
}

function rowsOf(usage: DiskUsage): readonly Row[] {
  const kinds = [
    ['Images', usage.images],
    ['Containers', usage.containers],
    ['Volumes', usage.volumes],
    ['Content', usage.content],
  ] as const;
  return kinds.map(([name, { total, active, size: bytes, reclaimable }]) => ({
    Type: name,
    TotalCount: total,
    Active: active,
    Size: size(bytes, 4),
    Reclaimable: reclaimableText(reclaimable, bytes),
  }));
}

/** "1.2GB (45%)" */
function reclaimableText(reclaimable: number, bytes: number): string {
  const part = bytes === 0 ? '' : ` (${String(Math.floor((reclaimable * 100) / bytes))}%)`;
  return `${size(reclaimable, 4)}${part}`;
}

function inFull(usage: DiskUsage): string {
  const now = Date.now();
  const images = usage.images.items.flatMap((image) =>
    (image.names.length === 0 ? ['<none>'] : image.names).map((name) => {
      const { repository, tag } = splitName(name);
      const created = image.createdAt === undefined ? 'N/A' : ago(image.createdAt, now);
      const sizes = [image.size, image.sharedSize, image.uniqueSize].map((bytes) => size(bytes, 4));
      return [repository, tag, shownId(image.id, false), created, ...sizes, String(image.containers)];
    }),
  );
  const containers = usage.containers.items.map((container) => [
    container.id.slice(0, 12),
    printable(container.image ?? ''),
    container.status,
    size(container.size, 4),
    size(container.logSize, 4),
    container.name,
  ]);
  const volumes = usage.volumes.items.map((volume) => [volume.name, String(volume.containers), size(volume.size, 4)]);
  const { content } = usage;
  return [
    'Images space usage:\n\n',
    table([
      ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', 'SHARED SIZE', 'UNIQUE SIZE', 'CONTAINERS'],
      ...images,
    ]),
    '\nContainers space usage:\n\n',
    table([['CONTAINER ID', 'IMAGE', 'STATUS', 'SIZE', 'LOG SIZE', 'NAMES'], ...containers]),
    '\nVolumes space usage:\n\n',
    table([['VOLUME NAME', 'CONTAINERS', 'SIZE'], ...volumes]),
    `\nContent usage: ${size(content.size, 4)}, ${size(content.reclaimable, 4)} reclaimable\n`,
  ].join('');
}
