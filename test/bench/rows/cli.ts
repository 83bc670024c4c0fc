import { join } from 'node:path';
import type { TestDaemon } from '../../harness/daemon.ts';
import type { Contestants } from '../contestants.ts';
import { Samples, type Row } from '../samples.ts';

const top = join(import.meta.dirname, '../../..');

export function cliRow(daemon: TestDaemon, contestants: Contestants, kept: Record<string, Samples>): Promise<Row[]> {
  process.env.TARE_HOST = `unix://${daemon.socket}`;
  const tare = contestants.command('tare run', [
    join(top, 'bin/tare'),
    'run',
    '--rm',
    '--rootfs',
    daemon.rootfs,
    '/bin/true',
  ]);
  const ps = contestants.command('tare ps', [join(top, 'bin/tare'), 'ps']);
  const node = contestants.command('node -e 0', [join(top, 'node_modules/node/bin/node'), '-e', '0']);
  const all = [tare, ps, node].map((contestant) => ({ contestant, samples: new Samples() }));
  for (const { contestant, samples } of all) kept[contestant.name] = samples;
  for (let block = 0; block < 4; block++) {
    for (const { contestant, samples } of all) samples.add(...contestant.run(10).slice(1));
  }
  const [run, list, bare] = all.map(({ samples }) => samples.p50) as [number, number, number];
  return Promise.resolve([
    {
      what: 'tare run --rm at the shell, p50',
      value: `${run.toFixed(1)} ms`,
      beside: `node -e 0: ${bare.toFixed(1)}, tare ps: ${list.toFixed(1)}`,
      budget: `within 25 ms of node -e 0: +${(run - bare).toFixed(1)}`,
      holds: run - bare <= 25,
    },
  ]);
}
