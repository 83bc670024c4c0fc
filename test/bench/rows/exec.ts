import type { TestDaemon } from '../../harness/daemon.ts';
import { Stream } from '../../harness/stream.ts';
import { Samples, timed, type Row } from '../samples.ts';

const COUNT = 100;

/** exec create, start and end over one WebSocket, of /bin/true. */
export async function execRow(daemon: TestDaemon, kept: Record<string, Samples>): Promise<Row[]> {
  const id = await daemon.create(['sleep', '100000']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const samples = new Samples();
  kept.exec = samples;
  for (let i = 0; i < COUNT + 20; i++) {
    const took = await timed(async () => {
      const exec = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
        command: ['/bin/true'],
      });
      const stream = await Stream.open(daemon.socket, `/v1/execs/${exec.id}/start`);
      await new Promise((resolve) => stream.socket.once('close', resolve));
    });
    if (i >= 20) samples.add(took);
  }
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  return [
    {
      what: 'exec /bin/true over REST, p50 (p90)',
      value: `${samples.p50.toFixed(2)} ms (${samples.p90.toFixed(2)})`,
      beside: '',
      budget: '≤ 3 ms',
      holds: samples.p50 <= 3,
    },
  ];
}
