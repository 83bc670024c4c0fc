/**
 * npm run bench: the budgets of the design, measured in one run beside whichever peers are installed.
 *
 * How: contestants take turns in blocks of ten, and the first of a block is dropped: a peer's leftovers (the
 * kernel takes namespaces down later) would otherwise be counted to whoever comes next. The daemon lives 400
 * lives first, as a daemon does that has been up for a minute; peers are processes and have nothing to warm.
 *
 *     npm run bench [-- --json FILE] [--only life,clients,exec,cli,oci,memory,thousand,attach,network,images,docker]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { TestDaemon } from '../harness/daemon.ts';
import { prepareContestants } from './contestants.ts';
import { attachRows } from './rows/attach.ts';
import { cliRow } from './rows/cli.ts';
import { clientsRow } from './rows/clients.ts';
import { dockerRows } from './rows/docker.ts';
import { execRow } from './rows/exec.ts';
import { imageRows } from './rows/images.ts';
import { lifeRow, lives } from './rows/life.ts';
import { memoryRows } from './rows/memory.ts';
import { networkRows } from './rows/network.ts';
import { ociRow } from './rows/oci.ts';
import { thousandRows } from './rows/thousand.ts';
import { printRows, type Row, type Samples } from './samples.ts';

const { values: options } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const asked = options.only?.split(',');

const daemon = await TestDaemon.open();
const rows: Row[] = [];
const samples: Record<string, Samples> = {};

try {
  const sample = await daemon.create(['/bin/true']);
  const { spec } = await daemon.client.must<{ spec: Record<string, unknown> }>('GET', `/v1/containers/${sample}`);
  await daemon.client.must('DELETE', `/v1/containers/${sample}`);
  const contestants = await prepareContestants(daemon.folder, daemon.rootfs, spec);
  const stages: Record<string, () => Promise<Row[]>> = {
    memory: () => memoryRows(daemon),
    life: () => lifeRow(daemon, contestants, samples),
    clients: () => clientsRow(daemon, contestants),
    exec: () => execRow(daemon, samples),
    cli: () => cliRow(daemon, contestants, samples),
    oci: () => ociRow(contestants, samples),
    attach: () => attachRows(daemon),
    network: () => networkRows(samples),
    images: () => imageRows(samples),
    docker: () => dockerRows(samples),
    thousand: () => thousandRows(daemon),
  };
  for (const [name, stage] of Object.entries(stages)) {
    if (asked !== undefined && !asked.includes(name)) continue;
    if (name === 'life') await lives(daemon, 400);
    console.error(`measuring: ${name}`);
    rows.push(...(await stage()));
  }
} finally {
  await daemon.close();
}

printRows(rows);
if (options.json !== undefined) {
  const raw = Object.fromEntries(Object.entries(samples).map(([name, { values }]) => [name, values]));
  writeFileSync(options.json, JSON.stringify({ rows, samples: raw }, undefined, 1));
}
