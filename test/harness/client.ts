/** A plain HTTP client of the daemon's socket, as a stranger would write it. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Answer<T = unknown> {
  readonly status: number;
  readonly body: T;
  readonly headers: IncomingMessage['headers'];
}

export class Client {
  readonly socket: string;
  private readonly agent: Agent;

  constructor(socket: string) {
    this.socket = socket;
    this.agent = new Agent({ keepAlive: true, maxSockets: 64 });
  }

  /** The answer as it comes, its body not yet read. */
  open(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const payload =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.socket,
          agent: this.agent,
          method,
          path,
          headers: {
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
            ...headers,
          },
        },
        resolve,
      );
      request.on('error', reject);
      request.end(payload);
    });
  }

  /** Sends, reads the whole answer, parses JSON where it is JSON. */
  async send<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await this.open(method, path, body, headers);
    const content = await text(response);
    const isJson =
      (response.headers['content-type'] ?? '').includes('json') &&
      !(response.headers['content-type'] ?? '').includes('ndjson');
    return {
      status: response.statusCode ?? 0,
      body: (isJson && content !== '' ? JSON.parse(content) : content) as T,
      headers: response.headers,
    };
  }

  /** As `send`, and anything but success is an error that shows the answer. */
  async must<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send<T>(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  close(): void {
    this.agent.destroy();
  }
}
