import type { TestDaemon } from '../../harness/daemon.ts';
import { Stream } from '../../harness/stream.ts';
import type { Row } from '../samples.ts';

async function throughput(daemon: TestDaemon, megabytes: number, tty: boolean): Promise<number> {
  const id = await daemon.create(['dd', 'if=/dev/zero', 'bs=64k', `count=${megabytes * 16}`], { tty });
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdout=true`, { keep: false });
  const began = performance.now();
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await new Promise((resolve) => stream.socket.once('close', resolve));
  const seconds = (performance.now() - began) / 1000;
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  return stream.received / 1e6 / seconds;
}

/** Zeros through attach, with the log written too. The peers' figures are those of the design's notes, not of this run. */
export async function attachRows(daemon: TestDaemon): Promise<Row[]> {
  const pipe = await throughput(daemon, 512, false);
  const terminal = await throughput(daemon, 128, true);
  return [
    {
      what: 'attach, logged, 512 MB through pipes',
      value: `${pipe.toFixed(0)} MB/s`,
      beside: 'podman 4.3 elsewhere: 316',
      budget: '≥ podman',
      holds: pipe >= 316,
    },
    {
      what: 'attach, logged, 128 MB through a PTY',
      value: `${terminal.toFixed(0)} MB/s`,
      beside: 'docker 20.10 elsewhere: 37',
      budget: '≥ 2 × docker',
      holds: terminal >= 74,
    },
  ];
}
