import type { NetworkListQuery, NetworkSummary } from '../../../shared/api/network.ts';
import type { Arguments } from '../../arguments.ts';
import type { Command } from '../../command.ts';
import { EXIT, UsageError } from '../../errors.ts';
import { formatRows, type Heads, type Row } from '../../format/rows.ts';
import { printable } from '../../format/table.ts';
import { print } from '../../output.ts';

const HEADS: Heads = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Subnets: 'SUBNETS',
  Bridge: 'BRIDGE',
  MTU: 'MTU',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};

export const ls: Command = {
  name: 'network ls',
  usage: '[OPTIONS]',
  summary: 'List networks',
  notes: [
    `Fields of --format: ${Object.keys(HEADS)
      .map((name) => `.${name}`)
      .join(', ')}.`,
    'Filters: name= (part of it), id= (beginning of it), label=KEY[=VALUE].',
  ],
  flags: [
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only those that match',
      completes: ['name=', 'id=', 'label='],
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
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const networks = await daemon.get<NetworkSummary[]>('/networks', { ...listQuery(input) });
    const whole = input.boolean('no-trunc');
    const rows = networks.map((network) => rowOf(network, whole));
    if (input.boolean('quiet')) print(rows.map(({ ID }) => `${String(ID)}\n`).join(''));
    else print(formatRows(rows, input.string('format') ?? 'table', ['ID', 'Name', 'Driver', 'Subnets'], HEADS));
    return 0;
  },
};

function listQuery(input: Arguments): NetworkListQuery {
  const query: NetworkListQuery = {};
  for (const filter of input.list('filter')) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(filter) ?? [];
    if (key === '') throw new UsageError(`--filter "${filter}" is not KEY=VALUE`);
    if (key === 'name') query.name = value;
    else if (key === 'id') query.id = value;
    else if (key === 'label') (query.label ??= []).push(value);
    else throw new UsageError(`--filter "${key}" is not supported`, { hint: 'there are name, id and label' });
  }
  return query;
}

function rowOf(network: NetworkSummary, whole: boolean): Row {
  return {
    ID: whole ? network.id : network.id.slice(0, 12),
    Name: network.name,
    Driver: network.driver,
    Subnets: network.subnets.map(({ subnet }) => subnet).join(', '),
    Bridge: network.bridge,
    MTU: network.mtu,
    Internal: network.internal,
    Labels: Object.entries(network.labels)
      .map(([key, value]) => printable(`${key}=${value}`))
      .join(','),
    CreatedAt: network.createdAt,
  };
}
