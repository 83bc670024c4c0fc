import type { TestDaemon } from '../../harness/daemon.ts';
import { until } from '../../harness/until.ts';
import { Samples, timed, type Row } from '../samples.ts';
import { rss } from './memory.ts';

const COUNT = 1000;

/** How often the daemon has said that it knows of every container again. */
function reconciled(daemon: TestDaemon): number {
  return daemon.output.split('every container is reconciled').length - 1;
}

/** A thousand running containers: the list, a restart of the daemon, its memory. */
export async function thousandRows(daemon: TestDaemon): Promise<Row[]> {
  // A fresh daemon: what an earlier row made it allocate would be taken for room that the containers need not.
  await daemon.end('SIGTERM');
  await daemon.start();
  const before = { memory: await rss(daemon.pid), reconciled: 0 };
  const ids: string[] = [];
  try {
    for (let i = 0; i < COUNT; i++) {
      const id = await daemon.create(['sleep', '100000']);
      ids.push(id);
      await daemon.client.must('POST', `/v1/containers/${id}/start`);
    }
    const grown = ((await rss(daemon.pid)) - before.memory) / COUNT;
    const list = new Samples();
    for (let i = 0; i < 20; i++) list.add(await timed(() => daemon.client.must('GET', '/v1/containers')));
    await daemon.end('SIGKILL');
    before.reconciled = reconciled(daemon);
    const began = performance.now();
    await daemon.start();
    await daemon.client.must('GET', '/v1/ping');
    const answer = performance.now() - began;
    await until('all are adopted', () => reconciled(daemon) > before.reconciled);
    const adopted = performance.now() - began;
    return [
      {
        what: '1,000 running: list, p50',
        value: `${list.p50.toFixed(1)} ms`,
        beside: '',
        budget: '≤ 20 ms',
        holds: list.p50 <= 20,
      },
      {
        what: '1,000 running: restart to first answer',
        value: `${answer.toFixed(0)} ms`,
        beside: '',
        budget: '≤ 500 ms',
        holds: answer <= 500,
      },
      {
        what: '1,000 running: all adopted',
        value: `${adopted.toFixed(0)} ms`,
        beside: '',
        budget: '≤ 2,000 ms',
        holds: adopted <= 2000,
      },
      {
        what: 'daemon RSS per running container',
        value: `${grown.toFixed(1)} KB`,
        beside: '',
        budget: '≤ 25 KB',
        holds: grown <= 25,
      },
    ];
  } finally {
    for (const id of ids) await daemon.client.send('DELETE', `/v1/containers/${id}?force=true`);
  }
}
