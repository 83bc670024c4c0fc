/** Runs the client from its source in a process of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../client/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Client {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly stdout: () => string;
}

export function startClient(
  socket: string,
  words: readonly string[],
  environment: Record<string, string> = {},
): Client {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...process.env, TARE_HOST: `unix://${socket}`, OWN: 'mine', ...environment },
  });
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  const stdout = (): string => Buffer.concat(chunks.stdout).toString();
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: stdout(), stderr: Buffer.concat(chunks.stderr).toString() });
    });
  });
  return { child, ended, stdout };
}

/** With an empty stdin. */
export function runClient(socket: string, ...words: string[]): Promise<Ended> {
  const client = startClient(socket, words);
  client.child.stdin.end();
  return client.ended;
}
