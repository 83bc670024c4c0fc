/** Builds by the native API: a Dockerfile and files, and all that was told. */
import { text } from 'node:stream/consumers';
import type { BuildResponse } from '../../shared/api/build.ts';
import type { Problem } from '../../shared/api/problem.ts';
import type { TestDaemon } from './daemon.ts';
import { progressOf } from './images.ts';
import { file, tar, type Member } from './tar.ts';

export interface Built {
  /** All `output`, joined. */
  readonly output: string;
  readonly result: BuildResponse | undefined;
  readonly problem: Problem | undefined;
}

type Query = Readonly<Record<string, string | readonly string[]>>;

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? (value as string[]) : [value as string]) parameters.append(name, each);
  }
  return parameters.toString();
}

/** `context`: members beside the Dockerfile, or the whole archive. */
export async function build(
  daemon: TestDaemon,
  dockerfile: string,
  context: readonly Member[] | Buffer = [],
  query: Query = {},
): Promise<Built> {
  const archive = Buffer.isBuffer(context) ? context : tar(file('Dockerfile', dockerfile), ...context);
  const headers = { 'content-type': 'application/x-tar', accept: 'application/x-ndjson' };
  const response = await daemon.client.open('POST', `/v1/build?${queryText(query)}`, archive, headers);
  const body = await text(response);
  if (response.statusCode !== 200) {
    return { output: '', result: undefined, problem: JSON.parse(body) as Problem };
  }
  const told = progressOf(body);
  const last = told.at(-1);
  return {
    output: told.map(({ output = '' }) => output).join(''),
    result: last?.result as BuildResponse | undefined,
    problem: last?.problem,
  };
}

/** One that has to succeed; its id and what was told. */
export async function built(...args: Parameters<typeof build>): Promise<{ id: string; output: string }> {
  const { result, problem, output } = await build(...args);
  if (result === undefined) throw new Error(`the build failed: ${JSON.stringify(problem)}\n${output}`);
  return { id: result.id, output };
}

/** What a command prints in a container of the image. */
export function printed(daemon: TestDaemon, image: string, ...command: string[]): Promise<string> {
  return printedBy(daemon, { image, ...(command.length === 0 ? {} : { command }) });
}

/** What a container prints that is made by this request. */
export async function printedBy(daemon: TestDaemon, request: Readonly<Record<string, unknown>>): Promise<string> {
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', request);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  const output = await daemon.logText(id, 'stdout');
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  return output;
}
