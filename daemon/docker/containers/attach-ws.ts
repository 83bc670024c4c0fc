/** `GET /containers/{id}/attach/ws`: the streams of a container as a websocket, never framed: messages are bytes. */
import { type WebSocket, WebSocketServer, createWebSocketStream } from 'ws';
import { DockerError } from '../error.ts';
import { type Docker, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { joinConnection } from '../streams/join.ts';
import { tellLog } from '../streams/tell-log.ts';
import { type Attached, type Streams, attachTo, streamsOf } from './attach-to.ts';

/** Of one message of a client, bytes. */
const MESSAGE_MAX = 1024 * 1024;
/** Clients before this one get all streams, whatever they ask for. */
const CHOSEN_SINCE = 42;
const ALL: Streams = { stdin: true, stdout: true, stderr: true };

const server = (): WebSocketServer =>
  new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: MESSAGE_MAX });

export const attachWebSocket: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/attach/ws',
  resource: 'container',
  audited: true,
  async handle(docker, call) {
    // one that is not there is told of before what is wrong with the handshake
    docker.engine.inspect(call.id);
    checkHandshake(call);
    const attached = await attachTo(docker, call, call.version < CHOSEN_SINCE ? ALL : streamsOf(call));
    const socket = call.hijackWebSocket();
    if (socket === undefined || socket.destroyed) {
      attached.attachment?.close();
      return undefined;
    }
    server().handleUpgrade(call.request.raw, socket, Buffer.alloc(0), (webSocket) => {
      join(docker, webSocket, attached);
    });
    // one that was taken over is paused
    socket.resume();
    return undefined;
  },
});

function join({ engine, logger }: Docker, webSocket: WebSocket, attached: Attached): void {
  const { detail, attachment, log, stdin, endsStdin, detach } = attached;
  const connection = createWebSocketStream(webSocket);
  // also where its end is not seen, as nobody reads from it
  webSocket.once('close', () => connection.destroy());
  if (attachment !== undefined) {
    const input = { stdin, endsStdin, ...(detach === undefined ? {} : { detach }) };
    joinConnection(attachment, connection, { framed: false, ...input });
    return;
  }
  tellLog(engine, detail.id, connection, { framed: false, wanted: log }).catch((error: unknown) => {
    logger.warn({ err: error, container: detail.id }, 'stream broke off');
  });
}

/** RFC 6455 section 4.2.1. Throws DockerError. */
function checkHandshake({ request }: DockerCall): void {
  const { headers } = request;
  const isOne =
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  if (!isOne) throw new DockerError(400, 'not websocket protocol');
  const { origin, host } = headers;
  if (origin !== undefined && !isOf(origin, host)) {
    throw new DockerError(403, 'requests from pages of other origins are refused');
  }
}

/** Browsers name the page that asks; one of another host has no business here. */
function isOf(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
