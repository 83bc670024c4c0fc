import type { Contestants } from '../contestants.ts';
import { Samples, type Row } from '../samples.ts';

const BLOCKS = 8;
const BLOCK = 10;

/** `tare-oci run` of /bin/true from a bundle, Node's own start included, beside the runtimes that are installed. */
export function ociRow(contestants: Contestants, kept: Record<string, Samples>): Promise<Row[]> {
  const own = { contestant: contestants.oci, samples: new Samples() };
  const peers = contestants.peers.map((contestant) => ({ contestant, samples: new Samples() }));
  kept[own.contestant.name] = own.samples;
  for (let block = 0; block < BLOCKS; block++) {
    for (const { contestant, samples } of [own, ...peers]) samples.add(...contestant.run(BLOCK).slice(1));
  }
  const { p50, p90 } = own.samples;
  const runc = peers.find(({ contestant }) => contestant.name === 'runc run')?.samples.p50;
  return Promise.resolve([
    {
      what: 'tare-oci run at the shell, p50 (p90)',
      value: `${p50.toFixed(1)} ms (${p90.toFixed(1)})`,
      beside: peers.map(({ contestant, samples }) => `${contestant.name} ${samples.p50.toFixed(1)}`).join(', '),
      budget: runc === undefined ? '≤ 2 × runc (not installed)' : `≤ 2 × runc: ${(p50 / runc).toFixed(2)}`,
      holds: runc === undefined ? undefined : p50 <= 2 * runc,
    },
  ]);
}
