/** What scenarios say again and again. */
import { until } from '../../harness/until.ts';
import { BASE } from './images.ts';
import type { Session } from './session.ts';

async function made(s: Session, name: string, Cmd: readonly string[]): Promise<void> {
  const { status, body } = await s.ask('POST', `/containers/create?name=${name}`, wish({ Cmd }));
  if (status !== 201) throw new Error(`create of ${name}: ${status} ${JSON.stringify(body)}`);
}

/** As the CLI does it, at less expense. */
async function started(s: Session, name: string, command: readonly string[]): Promise<string> {
  await made(s, name, command);
  const { status, body } = await s.ask('POST', `/containers/${name}/start`);
  if (status !== 204) throw new Error(`start of ${name}: ${status} ${JSON.stringify(body)}`);
  return name;
}

/** A container without a network that stays, not recorded; its name. */
export async function idle(s: Session, name: string, ...options: string[]): Promise<string> {
  if (options.length === 0) return started(s, name, ['sleep', '1000']);
  const network = options.some((option) => option.startsWith('--net')) ? [] : ['--network', 'none'];
  await s.must('run', '--detach', '--name', name, ...network, ...options, BASE, 'sleep', '1000');
  return name;
}

/** A container that is created and never started, not recorded; its name. */
export async function created(s: Session, name: string, ...options: string[]): Promise<string> {
  if (options.length === 0) await made(s, name, ['sleep', '1000']);
  else await s.must('create', '--name', name, '--network', 'none', ...options, BASE, 'sleep', '1000');
  return name;
}

/** A container whose shell script has run to its end, not recorded; its name. */
export async function ended(s: Session, name: string, script: string, ...options: string[]): Promise<string> {
  if (options.length === 0) await started(s, name, ['sh', '-c', script]);
  else await s.must('run', '--detach', '--name', name, '--network', 'none', ...options, BASE, 'sh', '-c', script);
  await s.ask('POST', `/containers/${name}/wait`);
  return name;
}

/** Makes the file that its program waits for, whose end may take this exec with it. */
export async function letGo(s: Session, name: string): Promise<void> {
  await s.engine.docker('exec', name, 'touch', '/go');
}

/** An image of this scenario's own, made by commit; its name. */
export async function own(s: Session, tag: string, ...changes: string[]): Promise<string> {
  const name = `tare.test/${s.name}:${tag}`;
  await created(s, s.sub(`of-${tag}`));
  await s.must('commit', ...changes.flatMap((change) => ['-c', change]), s.sub(`of-${tag}`), name);
  await s.must('rm', s.sub(`of-${tag}`));
  return name;
}

/** `run --rm` without a network, recorded. */
export async function run(s: Session, options: readonly string[], ...command: string[]): Promise<void> {
  await s.docker('run', '--rm', '--network', 'none', ...options, BASE, ...command);
}

export const filters = (value: unknown): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

/** A body for POST /containers/create, without a network. */
export const wish = (more: Record<string, unknown> = {}, host: Record<string, unknown> = {}): unknown => ({
  Image: BASE,
  Cmd: ['sleep', '1000'],
  HostConfig: { NetworkMode: 'none', ...host },
  ...more,
});

/** Waits until all that a container has said is this, without the last newline. */
export async function says(s: Session, name: string, text: string): Promise<void> {
  await until(
    `${name} says ${JSON.stringify(text)} at ${s.engine.kind}`,
    async () => (await s.must('logs', name)) === text,
  );
}

/** Waits until inspect in that format is this. */
export async function inspected(s: Session, name: string, format: string, text: string): Promise<void> {
  const asked = ['inspect', '--format', format, name];
  await until(`${name} is ${text} at ${s.engine.kind}`, async () => (await s.must(...asked)) === text);
}

/** What stands in the frames of a stream. */
export function spoken(body: Buffer): string {
  let said = '';
  for (let at = 0; at + 8 <= body.length;) {
    const length = body.readUInt32BE(at + 4);
    said += body.subarray(at + 8, at + 8 + length).toString();
    at += 8 + length;
  }
  return said;
}
