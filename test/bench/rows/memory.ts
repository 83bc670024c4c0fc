import { readFile } from 'node:fs/promises';
import { parentOf, type TestDaemon } from '../../harness/daemon.ts';
import type { Row } from '../samples.ts';

async function pss(pid: number): Promise<number> {
  return Number(/^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

export async function rss(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Of a fresh daemon, and of shims that hold a PTY and an exec. */
export async function memoryRows(daemon: TestDaemon): Promise<Row[]> {
  const idle = await rss(daemon.pid);
  const ids: string[] = [];
  const sizes: number[] = [];
  const start = async () => {
    const id = await daemon.create(['sleep', '100000'], { tty: true, stdin: true });
    ids.push(id);
    await daemon.client.must('POST', `/v1/containers/${id}/start`);
    const exec = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
      command: ['sleep', '100000'],
    });
    await daemon.client.must('POST', `/v1/execs/${exec.id}/start`);
    return parentOf(await daemon.hostPid(id));
  };
  const first = await start();
  const alone = await pss(first);
  const shims = [first];
  while (shims.length < 20) shims.push(await start());
  for (const shim of shims) sizes.push(await pss(shim));
  for (const id of ids) await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  return [
    {
      what: 'shim with PTY and exec, PSS',
      value: `${alone} KB alone, ${mean.toFixed(0)} KB each of 20`,
      beside: '',
      budget: '≤ 200 KB',
      holds: alone <= 200 && mean <= 200,
    },
    {
      what: 'daemon idle, RSS',
      value: `${(idle / 1024).toFixed(1)} MB`,
      beside: '',
      budget: '≤ 90 MB',
      holds: idle <= 90 * 1024,
    },
  ];
}
