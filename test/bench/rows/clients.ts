import { Client } from '../../harness/client.ts';
import type { TestDaemon } from '../../harness/daemon.ts';
import type { Contestants } from '../contestants.ts';
import { Samples, timed, type Row } from '../samples.ts';

const CLIENTS = 8;
const EACH = 100;

export async function clientsRow(daemon: TestDaemon, contestants: Contestants): Promise<Row[]> {
  const clients = Array.from({ length: CLIENTS }, () => new Client(daemon.socket));
  const one = async (client: Client) => {
    const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
      rootfs: daemon.rootfs,
      command: ['/bin/true'],
    });
    await client.must('POST', `/v1/containers/${id}/start`);
    await client.must('GET', `/v1/containers/${id}/wait`);
    await client.must('DELETE', `/v1/containers/${id}`);
  };
  const took = await timed(() =>
    Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < EACH; i++) await one(client);
      }),
    ),
  );
  for (const client of clients) client.close();
  const rate = (CLIENTS * EACH * 1000) / took;
  const limit = new Samples();
  limit.add(...contestants.kernel.run(200));
  const kernel = 1000 / limit.p50;
  return [
    {
      what: `sustained, ${CLIENTS} clients`,
      value: `${rate.toFixed(0)} lives/s`,
      beside: `the kernel’s limit, in sequence ${kernel.toFixed(0)}/s`,
      budget: `≥ 0.5 × the kernel’s: ${(rate / kernel).toFixed(2)}`,
      holds: rate >= kernel / 2,
    },
  ];
}
