/** A served API on a unix socket of its own, and clients for it. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Engine } from '../../../daemon/api/engine.ts';
import { STREAM_PROTOCOL } from '../../../shared/streams.ts';
import { serve, type Served } from './scripted-engine.ts';

export interface Listening extends Served {
  readonly path: string;
}

/** Closed when the test ends, however it ends. */
export async function listen(test: TestContext, script: Partial<Engine>): Promise<Listening> {
  const directory = await mkdtemp(join(tmpdir(), 'tare-api-'));
  const path = join(directory, 's');
  const served = serve(script);
  await served.api.listen({ path });
  test.after(async () => {
    await served.api.close();
    await rm(directory, { recursive: true });
  });
  return { ...served, path };
}

export interface Exchange {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

/** Resolves with the headers. */
export async function get(path: string, url: string, headers: Record<string, string> = {}): Promise<Exchange> {
  const outgoing = request({ socketPath: path, path: url, headers });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { request: outgoing, response };
}

export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += String(chunk);
  return text;
}

export function connect(path: string, url: string, protocol: string | undefined = STREAM_PROTOCOL): WebSocket {
  return new WebSocket(`ws+unix:${path}:${url}`, protocol, { perMessageDeflate: false });
}

/** The HTTP answer in place of a 101. */
export async function refusal(webSocket: WebSocket): Promise<{ status: number | undefined; body: string }> {
  const [, response] = (await once(webSocket, 'unexpected-response')) as [ClientRequest, IncomingMessage];
  return { status: response.statusCode, body: await textOf(response) };
}
