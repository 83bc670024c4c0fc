/**
 * A body of JSON has to come in time. Node's own limit for a request (http.Server.requestTimeout) holds for all routes
 * alike, and would end uploads, which may take hours.
 */
import type { IncomingMessage } from 'node:http';

const DEADLINE_MS = 60_000;

/** Calls `refuse` where the body is not there in full after a minute. */
export function limitBody(request: IncomingMessage, refuse: () => void): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if ((length === undefined || length === '0') && encoding === undefined) return;
  const timer = setTimeout(() => {
    if (!request.complete) refuse();
  }, DEADLINE_MS).unref();
  const stop = (): void => {
    clearTimeout(timer);
  };
  request.once('end', stop).once('close', stop);
}
