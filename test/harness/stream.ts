/** A WebSocket client of attach and exec, with the plain `ws` package: what it heard, channel by channel. */
import { WebSocket } from 'ws';
import { CHANNEL, STREAM_PROTOCOL, type StreamStatus } from '../../shared/streams.ts';
import { until } from './until.ts';

export class Stream {
  readonly socket: WebSocket;
  stdout = '';
  stderr = '';
  status: StreamStatus | undefined;
  closed: number | undefined;
  /** Bytes of stdout and stderr; `keep` false counts only. */
  received = 0;

  private constructor(socket: WebSocket, keep: boolean) {
    this.socket = socket;
    socket.on('message', (bytes: Buffer) => {
      const payload = bytes.subarray(1);
      if (bytes[0] === CHANNEL.status) this.status = JSON.parse(payload.toString()) as StreamStatus;
      else {
        this.received += payload.length;
        if (!keep) return;
        if (bytes[0] === CHANNEL.stdout) this.stdout += payload.toString('latin1');
        else if (bytes[0] === CHANNEL.stderr) this.stderr += payload.toString('latin1');
      }
    });
    socket.on('close', (code) => (this.closed = code));
  }

  /** Opens `path` on the daemon's socket; an answer other than 101 is an error "status body". */
  static open(socket: string, path: string, options: { keep?: boolean } = {}): Promise<Stream> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws+unix://${socket}:${path}`, [STREAM_PROTOCOL], { perMessageDeflate: false });
      const stream = new Stream(ws, options.keep ?? true);
      ws.on('open', () => resolve(stream));
      ws.on('error', reject);
      ws.on('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => reject(new Error(`${response.statusCode ?? 0} ${body}`)));
      });
    });
  }

  send(channel: number, payload: Buffer | string): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]));
  }

  type(text: string): void {
    this.send(CHANNEL.stdin, text);
  }

  endStdin(): void {
    this.send(CHANNEL.close, Buffer.from([CHANNEL.stdin]));
  }

  resize(columns: number, rows: number): void {
    this.send(CHANNEL.resize, JSON.stringify({ Width: columns, Height: rows }));
  }

  async shows(pattern: RegExp): Promise<string> {
    let found = '';
    await until(`the stream shows ${String(pattern)}`, () => {
      found = pattern.exec(this.stdout)?.[0] ?? '';
      return found !== '';
    });
    return found;
  }

  /** Waits for the end; the exit code of the status (0 for Success), undefined where there is none. */
  async end(seconds = 60): Promise<number | undefined> {
    await until('the stream ends', () => this.closed !== undefined, seconds);
    if (this.status === undefined) return undefined;
    if (this.status.status === 'Success') return 0;
    const cause = this.status.details?.causes.find(({ reason }) => reason === 'ExitCode');
    return cause === undefined ? undefined : Number(cause.message);
  }

  close(): void {
    this.socket.terminate();
  }
}
