/** What a registry of a test does wrong, on purpose. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** The connection is accepted, the request read, and nothing is answered. */
  | { readonly kind: 'silent' }
  /** The answer begins and stops after so many bytes of its body. */
  | { readonly kind: 'stall'; readonly after: number }
  /** One byte now and then, for ever. */
  | { readonly kind: 'trickle'; readonly every: number }
  /** A body without an end, as fast as it is taken. */
  | { readonly kind: 'endless' }
  /** The connection ends after so many bytes of the body: of the answer's, or of the request's for an upload. */
  | { readonly kind: 'break'; readonly after: number }
  /** Another answer than the right one. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array; readonly headers?: Readonly<Record<string, string>> }
  /** The right answer with other headers. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  /** Bytes that are no HTTP. */
  | { readonly kind: 'garbage' };

export interface Rule {
  /** Of "GET /v2/app/manifests/latest". */
  readonly match: RegExp;
  readonly fault: Fault;
  /** How many requests more it meets. */
  times: number;
}

const ENDLESS_PIECE = Buffer.alloc(64 * 1024);

/** Writes for as long as somebody reads. */
function writeEndlessly(response: ServerResponse): void {
  const write = (): void => {
    while (!response.destroyed) {
      if (!response.write(ENDLESS_PIECE)) {
        response.once('drain', write);
        return;
      }
    }
  };
  write();
}

/** Makes the wrong answer; false: what is wrong is in how the right one is made. */
export function answerWrongly(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'status': {
      const { status, retryAfter, body = '' } = fault;
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
      response.end(body);
      return true;
    }
    case 'redirect':
      response.writeHead(fault.status ?? 307, { location: fault.to }).end();
      return true;
    case 'silent':
      request.resume();
      return true;
    case 'trickle': {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), fault.every);
      response.on('close', () => {
        clearInterval(timer);
      });
      return true;
    }
    case 'endless':
      response.writeHead(200);
      writeEndlessly(response);
      return true;
    case 'content': {
      const isChunked = fault.headers?.['transfer-encoding'] !== undefined;
      response.writeHead(200, { ...(isChunked ? {} : { 'content-length': fault.bytes.length }), ...fault.headers });
      response.end(request.method === 'HEAD' ? undefined : fault.bytes);
      return true;
    }
    case 'garbage':
      request.socket.end('this is not HTTP\r\n\r\n');
      return true;
    case 'stall':
    case 'break':
    case 'headers':
      return false;
  }
}
