/** What is refused by a request's headers alone. */
import type { FastifyRequest } from 'fastify';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import { EdgeError } from './problem.ts';

/** Only browsers send Origin, and none has business here but on a page that tare itself serves. */
const ORIGINS = new Set(['http://tare', 'http://localhost']);

export function checkOrigin(request: FastifyRequest): void {
  const { origin } = request.headers;
  if (origin === undefined || ORIGINS.has(origin.toLowerCase())) return;
  throw new EdgeError('origin_not_allowed', 'requests from pages of other origins are refused');
}

/** A WebSocket where there is none, none where there is one, and handshakes that ws would refuse after us. */
export function checkUpgrade(request: FastifyRequest): void {
  const isSocketRoute = request.routeOptions.config.socket === true;
  if (!request.ws) {
    if (!isSocketRoute) return;
    throw new EdgeError('upgrade_required', 'this path speaks WebSocket only', { headers: { upgrade: 'websocket' } });
  }
  if (request.routeOptions.url === undefined) return;
  if (!isSocketRoute) throw new EdgeError('invalid_request', 'this path does not speak WebSocket');
  checkHandshake(request);
}

/** RFC 6455 section 4.2.1. */
function checkHandshake({ headers }: FastifyRequest): void {
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new EdgeError('upgrade_required', 'only an upgrade to websocket is known', {
      headers: { upgrade: 'websocket' },
    });
  }
  if (headers['sec-websocket-version'] !== '13' || !/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new EdgeError('invalid_request', 'the websocket handshake needs version 13 and a key of 16 bytes', {
      headers: { 'sec-websocket-version': '13' },
    });
  }
  const offered = headers['sec-websocket-protocol'];
  if (offered !== undefined && !offered.split(',').some((name) => name.trim() === STREAM_PROTOCOL)) {
    throw new EdgeError('invalid_request', `of the websocket subprotocols only ${STREAM_PROTOCOL} is spoken`);
  }
}
