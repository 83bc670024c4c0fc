import type { TestDaemon } from '../../harness/daemon.ts';
import type { Contestants } from '../contestants.ts';
import { Samples, timed, type Row } from '../samples.ts';

const BLOCKS = 8;
const BLOCK = 10;

/** create, start, wait, delete of /bin/true over REST, by one client. */
export async function life(daemon: TestDaemon): Promise<void> {
  const id = await daemon.create(['/bin/true']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
}

export async function lives(daemon: TestDaemon, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await life(daemon);
}

export async function lifeRow(
  daemon: TestDaemon,
  contestants: Contestants,
  kept: Record<string, Samples>,
): Promise<Row[]> {
  const tare = new Samples();
  kept.life = tare;
  const others = [contestants.kernel, ...contestants.peers].map((contestant) => ({
    contestant,
    samples: new Samples(),
  }));
  for (const { contestant, samples } of others) kept[contestant.name] = samples;
  for (let block = 0; block < BLOCKS; block++) {
    const own: number[] = [];
    for (let i = 0; i < BLOCK; i++) own.push(await timed(() => life(daemon)));
    tare.add(...own.slice(1));
    for (const { contestant, samples } of others) samples.add(...contestant.run(BLOCK).slice(1));
  }
  const crun = others.find(({ contestant }) => contestant.name === 'crun run')?.samples.p50;
  return [
    {
      what: 'whole life over REST, p50 (p90)',
      value: `${tare.p50.toFixed(1)} ms (${tare.p90.toFixed(1)})`,
      beside: others.map(({ contestant, samples }) => `${contestant.name} ${samples.p50.toFixed(1)}`).join(', '),
      budget: crun === undefined ? '≤ 0.6 × crun (not installed)' : `≤ 0.6 × crun: ${(tare.p50 / crun).toFixed(2)}`,
      holds: crun === undefined ? undefined : tare.p50 <= 0.6 * crun,
    },
  ];
}
