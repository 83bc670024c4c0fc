/**
 * The WebSocket side of the server. @fastify/websocket sends the 101 when the route's handler is reached, so all that
 * can be refused is refused in a hook before it, as an ordinary HTTP answer, and the process is attached to there too.
 * From then on the end of the socket, whatever its cause, closes the attachment: there is no other place that does.
 */
import type { WebSocket, WebsocketPluginOptions } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MAX_MESSAGE } from '../../shared/api/attach.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import type { AttachEnd, Attachment } from './engine.ts';
import { joinStreams } from './streams.ts';

/** How long a client has to answer a close before its socket is destroyed, milliseconds. */
const CLOSE_TIMEOUT = 2_000;

export const WEBSOCKET_OPTIONS: WebsocketPluginOptions = {
  options: {
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
    clientTracking: true,
    handleProtocols: (offered) => (offered.has(STREAM_PROTOCOL) ? STREAM_PROTOCOL : false),
  },
  // A client that breaks off or breaks the protocol: ws closes the socket, and its end closes the attachment.
  errorHandler: (_error, webSocket) => {
    webSocket.terminate();
  },
  preClose(this: FastifyInstance, done) {
    const { clients } = this.websocketServer;
    for (const client of clients) letGo.get(client)?.({ reason: 'closing' });
    setTimeout(() => {
      for (const client of clients) client.terminate();
    }, CLOSE_TIMEOUT).unref();
    done();
  },
};

const attachments = new WeakMap<FastifyRequest, Attachment>();
const letGo = new WeakMap<WebSocket, (end: AttachEnd) => void>();

/** Makes the attachment before the 101 and ties it to the socket. */
export async function attachBeforeUpgrade(request: FastifyRequest, connect: () => Promise<Attachment>): Promise<void> {
  const { socket } = request.raw;
  const attachment = await connect();
  if (socket.destroyed) attachment.close();
  else
    socket.once('close', () => {
      attachment.close();
    });
  attachments.set(request, attachment);
}

/** The route's handler: the 101 is out. */
export function serveWebSocket(webSocket: WebSocket, request: FastifyRequest): void {
  const attachment = attachments.get(request);
  if (attachment === undefined) throw new Error('a websocket was opened without an attachment');
  letGo.set(webSocket, joinStreams(attachment, webSocket, request.raw.socket));
}
