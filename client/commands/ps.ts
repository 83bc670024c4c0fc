import type { ContainerSummary, Exit, ListQuery } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { exitCodeOf } from '../exit.ts';
import { ago, since } from '../format/duration.ts';
import { portsText } from '../format/ports.ts';
import { formatRows, type Heads, type Row } from '../format/rows.ts';
import { printable, shorten } from '../format/table.ts';
import { print } from '../output.ts';

const HEADS: Heads = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Rootfs: 'ROOTFS',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Status: 'STATUS',
  State: 'STATE',
  Ports: 'PORTS',
  Networks: 'NETWORKS',
  Names: 'NAMES',
  Labels: 'LABELS',
  Pid: 'PID',
};

export const ps: Command = {
  name: 'ps',
  usage: '[OPTIONS]',
  summary: 'List containers',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(', ')}.`,
    'Filters: status=, health=, name= (part of it), id= (beginning of it), label=KEY[=VALUE].',
  ],
  flags: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'show also those that do not run' },
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only those that match',
      completes: ['status=', 'health=', 'name=', 'id=', 'label='],
    },
    {
      name: 'format',
      type: 'string',
      value: 'FORMAT',
      summary: 'table, json, a Go template, or "table TEMPLATE"',
      default: 'table',
      completes: ['table', 'json'],
    },
    {
      name: 'last',
      short: 'n',
      type: 'integer',
      value: 'NUMBER',
      summary: 'show the latest NUMBER, whatever their status',
    },
    { name: 'latest', short: 'l', type: 'boolean', summary: 'show the latest, whatever its status' },
    { name: 'no-trunc', type: 'boolean', summary: 'do not shorten ids and commands' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only ids' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  run: list,
};

async function list(input: Arguments, { daemon }: Context): Promise<number> {
  const query = listQuery(input);
  const containers = await daemon.get<ContainerSummary[]>('/containers', { ...query });
  const whole = input.boolean('no-trunc');
  if (input.boolean('quiet')) {
    print(containers.map(({ id }) => `${whole ? id : id.slice(0, 12)}\n`).join(''));
    return 0;
  }
  const now = Date.now();
  const format = input.string('format') ?? 'table';
  const rows = containers.map((container) => rowOf(container, whole, now));
  print(formatRows(rows, format, ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'], HEADS));
  return 0;
}

function listQuery(input: Arguments): ListQuery {
  const query: ListQuery = {};
  const last = input.boolean('latest') ? 1 : input.integer('last');
  if (last !== undefined && last < 1) throw new UsageError('--last takes a number above 0');
  if (last !== undefined) query.limit = last;
  for (const filter of input.list('filter')) {
    const equals = filter.indexOf('=');
    const key = filter.slice(0, equals);
    const value = filter.slice(equals + 1);
    if (equals < 1) throw new UsageError(`--filter "${filter}" is not KEY=VALUE`);
    if (key === 'status') addStatus(query, value);
    else if (key === 'health') (query.health ??= []).push(value as NonNullable<ListQuery['health']>[number]);
    else if (key === 'name') query.name = value;
    else if (key === 'id') query.id = value;
    else if (key === 'label') (query.label ??= []).push(value);
    else
      throw new UsageError(`--filter "${key}" is not supported`, {
        hint: 'there are status, health, name, id and label',
      });
  }
  // As docker: who asks for a status means all that have it.
  if (input.boolean('all') || last !== undefined || query.status !== undefined) query.all = true;
  return query;
}

/** docker's "exited" is our "stopped"; its "restarting" is one that is stopped for the time being. */
function addStatus(query: ListQuery, value: string): void {
  if (value === 'restarting') query.restarting = true;
  const status = value === 'exited' || value === 'restarting' ? 'stopped' : value;
  (query.status ??= []).push(status as NonNullable<ListQuery['status']>[number]);
}

function rowOf(container: ContainerSummary, whole: boolean, now: number): Row {
  const command = `"${printable(container.command.join(' '))}"`;
  return {
    ID: whole ? container.id : container.id.slice(0, 12),
    Image: imageText(container, whole),
    Rootfs: printable(whole ? container.rootfs : shorten(container.rootfs, 30)),
    Command: whole ? command : shorten(command, 20),
    CreatedAt: container.createdAt,
    RunningFor: ago(container.createdAt, now),
    Status: statusText(container, now),
    State: container.restarting ? 'restarting' : container.status,
    Ports: portsOf(container),
    Networks: container.networks.join(','),
    Names: container.name,
    Labels: Object.entries(container.labels)
      .map(([key, value]) => printable(`${key}=${value}`))
      .join(','),
    ...(container.pid === undefined ? {} : { Pid: container.pid }),
  };
}

/** As it was asked for; a container of a directory shows that. */
function imageText({ image, rootfs }: ContainerSummary, whole: boolean): string {
  if (image !== undefined) return printable(whole ? image : image.replace(/^sha256:([0-9a-f]{12})[0-9a-f]+$/, '$1'));
  return printable(whole ? rootfs : shorten(rootfs, 30));
}

/** Of one that does not run nothing is published. */
function portsOf({ status, ports }: ContainerSummary): string {
  return status === 'running' || status === 'paused' ? portsText(ports) : '';
}

/** "Up 5 minutes (healthy)", "Up 5 minutes (Paused)", "Restarting (1) 3 seconds ago", "Exited (137) 2 hours ago". */
export function statusText(container: ContainerSummary, now: number): string {
  const { status, startedAt, exit, restarting } = container;
  const up = startedAt === undefined ? 'Up' : `Up ${since(startedAt, now)}`;
  switch (status) {
    case 'running':
      return up + healthText(container);
    case 'paused':
      return `${up} (Paused)`;
    case 'stopped':
      return endText(restarting ? 'Restarting' : 'Exited', exit, now);
    case 'creating':
      return 'Being created';
    case 'created':
      return 'Created';
    case 'removing':
      return 'Being removed';
  }
}

function healthText({ health }: ContainerSummary): string {
  if (health === undefined) return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

function endText(what: string, exit: Exit | undefined, now: number): string {
  return exit === undefined ? what : `${what} (${exitText(exit)}) ${ago(exit.at, now)}`;
}

export function exitText(exit: Exit): string {
  return String(exitCodeOf(exit) ?? 'unknown');
}
