/**
 * Each request is followed to its end: counted for the metrics and, where it can change something, written to the
 * audit log with who made it and how it came out. Values that clients choose are fields of the line, so the logger's
 * JSON escapes their control characters.
 */
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from './engine.ts';
import type { RequestRecorder } from './recorder.ts';

export interface Peer {
  readonly uid: number;
  readonly pid: number;
}

/** undefined where the kernel does not say (not a unix socket). */
export type PeerOf = (socket: Socket) => Peer | undefined;

export interface FollowParts {
  readonly engine: Engine;
  readonly logger: Pick<FastifyBaseLogger, 'info'>;
  readonly recorder: RequestRecorder;
  readonly peerOf: PeerOf;
}

interface Trail {
  readonly startedAt: number;
  readonly audited: boolean;
  /** Taken at the beginning: at the end the socket may be gone. */
  readonly peer: Peer | undefined;
  /** Full id of the container or network that the path names. */
  id: string | undefined;
  /** Of the problem it was answered with. */
  code: string | undefined;
  readonly finish: (status: number, isAborted: boolean) => void;
}

const trails = new WeakMap<FastifyRequest, Trail>();

export function follow(request: FastifyRequest, reply: FastifyReply, parts: FollowParts): void {
  const { audited = false, resource } = request.routeOptions.config;
  const { raw } = reply;
  let finished = false;
  const trail: Trail = {
    startedAt: performance.now(),
    audited,
    peer: audited ? parts.peerOf(request.raw.socket) : undefined,
    id:
      audited && resource !== undefined
        ? parts.engine.identify((request.params as { id: string }).id, resource)
        : undefined,
    code: undefined,
    finish(status, isAborted) {
      if (finished) return;
      finished = true;
      conclude(request, trail, status, isAborted, parts);
    },
  };
  trails.set(request, trail);
  raw.once('finish', () => {
    trail.finish(raw.statusCode, false);
  });
  raw.once('close', () => {
    trail.finish(raw.statusCode, !raw.writableFinished);
  });
}

export function noteProblem(request: FastifyRequest, code: string): void {
  const trail = trails.get(request);
  if (trail !== undefined) trail.code = code;
}

export function noteId(request: FastifyRequest, id: string): void {
  const trail = trails.get(request);
  if (trail !== undefined) trail.id = id;
}

/** A WebSocket is counted and audited when it opens: its end may be days away. */
export function noteUpgrade(request: FastifyRequest): void {
  trails.get(request)?.finish(101, false);
}

function conclude(request: FastifyRequest, trail: Trail, status: number, isAborted: boolean, parts: FollowParts): void {
  const milliseconds = performance.now() - trail.startedAt;
  const { method, routeOptions } = request;
  const route = routeOptions.url ?? 'none';
  parts.recorder.record({ method, route, status, milliseconds, code: trail.code });
  if (!trail.audited) return;
  const ref = (request.params as { id?: string } | undefined)?.id;
  parts.logger.info(
    {
      audit: true,
      ...(trail.peer === undefined ? {} : { uid: trail.peer.uid, peer: trail.peer.pid }),
      method,
      route,
      ...(ref === undefined ? {} : { ref }),
      ...(trail.id === undefined ? {} : { id: trail.id }),
      outcome: outcomeOf(status, isAborted),
      status,
      ...(trail.code === undefined ? {} : { code: trail.code }),
      milliseconds: Math.round(milliseconds * 1000) / 1000,
    },
    'audit',
  );
}

function outcomeOf(status: number, isAborted: boolean): 'done' | 'attached' | 'refused' | 'failed' | 'aborted' {
  if (isAborted) return 'aborted';
  if (status === 101) return 'attached';
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}
