/**
 * The Docker Engine API, made by the first request for it: a host where nobody speaks it keeps neither its code nor its
 * routes in memory. Requests that come meanwhile wait, and are handed on in the order in which they came.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Edge } from '../api/front.ts';
import type { DockerParts } from './server.ts';
import { isDockers } from './versions.ts';

/** Nothing in it throws: what cannot be loaded is answered with 500, and logged. */
export function dockerEdge(parts: DockerParts): Edge {
  let edge: Edge | undefined;
  let loading: Promise<Edge> | undefined;
  const load = (): Promise<Edge> =>
    (loading ??= import('./server.ts').then(async ({ createDockerApi }) => {
      const made = createDockerApi(parts);
      await made.ready();
      // from here on nothing waits: who waited until now is before all that the event loop brings next
      edge = made;
      return made;
    }));
  const whenMade = (socket: Socket, proceed: (made: Edge) => void, refuse: () => void): void => {
    load().then(
      (made) => {
        // its end was told to nobody
        if (!socket.destroyed) proceed(made);
      },
      (error: unknown) => {
        parts.logger.error({ err: error }, 'the Docker Engine API cannot be loaded');
        refuse();
      },
    );
  };
  return {
    claims: isDockers,
    handle: (request, response) => {
      if (edge !== undefined) edge.handle(request, response);
      else whenMade(request.socket, passOn(request, response), refusal(response));
    },
    upgrade: (request, socket, head) => {
      if (edge !== undefined) {
        edge.upgrade(request, socket, head);
        return;
      }
      const destroy = (): void => {
        socket.destroy();
      };
      // Node has taken its own listener off
      socket.on('error', destroy);
      const proceed = (made: Edge): void => {
        made.upgrade(request, socket, head);
      };
      whenMade(socket, proceed, destroy);
    },
    ready: async () => {
      await load();
    },
    close: async () => {
      // what could not be loaded has nothing to close, and was logged
      const made = await loading?.catch(() => undefined);
      await made?.close();
    },
  };
}

function passOn(request: IncomingMessage, response: ServerResponse): (made: Edge) => void {
  return (made) => {
    made.handle(request, response);
  };
}

function refusal(response: ServerResponse): () => void {
  return () => {
    response.writeHead(500, { 'content-type': 'application/json', connection: 'close' });
    response.end(`${JSON.stringify({ message: 'the Docker Engine API cannot be loaded' })}\n`);
  };
}
