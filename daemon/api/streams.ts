/**
 * The streams of a process over one WebSocket: frames of shared/streams.ts to and from an Attachment.
 *
 * Output bypasses `ws.send`. That function would need the channel byte and the payload in one buffer, a copy of all
 * that a process prints; here the frame's header, with the channel byte behind it, and the payload's own buffers go
 * to the socket in one writev. What one turn of the event loop brings for one stream becomes one message. Frames are
 * only ever written whole, so they may alternate with the control frames that ws itself writes to the same socket.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import { CLOSE } from '../../shared/api/attach.ts';
import { CHANNEL, EXIT_CODE_CAUSE, type StreamStatus } from '../../shared/streams.ts';
import type { AttachEnd, Attachment, OutputStream } from './engine.ts';

/** What may wait in a socket before the process is held back. */
const MAX_WAITING = 1024 * 1024;
/** A message is sent when it has this many bytes, though more may come in the same turn. */
const MAX_FRAME = 256 * 1024;

/**
 * Connects the two until one ends. The attachment is not closed here: the socket's end does that (websocket.ts).
 * Returns a function that lets the client go.
 */
export function joinStreams(attachment: Attachment, webSocket: WebSocket, socket: Socket): (end: AttachEnd) => void {
  const output = createFrameWriter(socket);
  const hold = createHold(attachment, webSocket, socket);
  let hasEnded = false;
  webSocket.on('message', (message: Buffer, isBinary: boolean) => {
    if (hasEnded) return;
    const refusal = isBinary ? takeInput(attachment, hold.begin, message) : 'messages must be binary';
    if (refusal !== undefined) webSocket.close(CLOSE.protocol, refusal);
  });
  let isHeldBack = false;
  socket.on('drain', () => {
    if (!isHeldBack) return;
    isHeldBack = false;
    attachment.resume();
  });
  const end = (how: AttachEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    hold.release();
    output.flush();
    if (webSocket.readyState !== webSocket.OPEN) return;
    // Closed when all is out: a close gives the client 30 s to answer, and one that reads slowly may need longer.
    webSocket.send(Buffer.concat([Buffer.of(CHANNEL.status), Buffer.from(JSON.stringify(statusOf(how)))]), () => {
      webSocket.close(closeCodeOf(how), how.reason);
    });
  };
  attachment.begin({
    output(stream, bytes) {
      if (webSocket.readyState !== webSocket.OPEN) return true;
      output.add(stream, bytes);
      isHeldBack = socket.writableLength + output.held() > MAX_WAITING;
      return !isHeldBack;
    },
    end,
  });
  return end;
}

/** How often a client that is not read from is pinged, milliseconds. */
const PROBE_INTERVAL = 10_000;

/**
 * Stops reading from a client whose input the process does not take, until it does. A socket that is not read from
 * does not tell that its peer has gone; writing to it does, so it is pinged meanwhile.
 */
function createHold(attachment: Attachment, webSocket: WebSocket, socket: Socket) {
  let probe: NodeJS.Timeout | undefined;
  const release = (): void => {
    clearInterval(probe);
    probe = undefined;
    webSocket.resume();
  };
  attachment.onDrain(release);
  socket.once('close', release);
  return {
    begin: (): void => {
      webSocket.pause();
      probe ??= setInterval(() => {
        webSocket.ping();
      }, PROBE_INTERVAL).unref();
    },
    release,
  };
}

/** Returns what is wrong with the message, if anything. */
function takeInput(attachment: Attachment, hold: () => void, message: Buffer): string | undefined {
  switch (message[0]) {
    case CHANNEL.stdin:
      if (message.length > 1 && !attachment.write(message.subarray(1))) hold();
      return undefined;
    case CHANNEL.resize:
      return resize(attachment, message.subarray(1));
    case CHANNEL.close:
      if (message.length !== 2 || message[1] !== CHANNEL.stdin) return 'only stdin can be closed';
      attachment.endStdin();
      return undefined;
    default:
      return 'unknown channel';
  }
}

function resize(attachment: Attachment, payload: Buffer): string | undefined {
  const size = readSize(payload);
  if (size === undefined) return 'a resize is {"Width":columns,"Height":rows}, each from 1 to 65535';
  // Ignoring a failure: the size is a wish, the process may have ended or have no terminal, and its end is told anyway.
  attachment.resize(size).catch(() => undefined);
  return undefined;
}

function readSize(payload: Buffer): { rows: number; columns: number } | undefined {
  let size: unknown;
  try {
    size = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  if (typeof size !== 'object' || size === null || !('Width' in size) || !('Height' in size)) return undefined;
  const { Width: columns, Height: rows } = size;
  return isExtent(columns) && isExtent(rows) ? { rows, columns } : undefined;
}

function isExtent(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function createFrameWriter(socket: Socket) {
  let stream: OutputStream = 'stdout';
  let chunks: Buffer[] = [];
  let length = 0;
  let scheduled = false;
  const flush = (): void => {
    if (length === 0) return;
    const [frame, size] = [chunks, length];
    [chunks, length] = [[], 0];
    if (socket.destroyed) return;
    socket.cork();
    socket.write(frameHeader(CHANNEL[stream], size));
    for (const chunk of frame) socket.write(chunk);
    socket.uncork();
  };
  const flushLater = (): void => {
    scheduled = false;
    flush();
  };
  return {
    add(of: OutputStream, bytes: Buffer): void {
      if (bytes.length === 0) return;
      if (of !== stream) flush();
      stream = of;
      chunks.push(bytes);
      length += bytes.length;
      if (length >= MAX_FRAME) flush();
      else if (!scheduled) {
        scheduled = true;
        process.nextTick(flushLater);
      }
    },
    held: () => length,
    flush,
  };
}

const FINAL_BINARY = 0x82;

/** RFC 6455 section 5.2: an unmasked binary message of the channel byte and `size` bytes after it. */
function frameHeader(channel: number, size: number): Buffer {
  const length = size + 1;
  if (length < 126) return Buffer.of(FINAL_BINARY, length, channel);
  if (length < 65_536) return Buffer.of(FINAL_BINARY, 126, length >> 8, length & 0xff, channel);
  const header = Buffer.alloc(11);
  header[0] = FINAL_BINARY;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  header[10] = channel;
  return header;
}

/** Exported for its test. */
export function statusOf(end: AttachEnd): StreamStatus {
  const failure = (
    reason: string,
    message: string,
    causes: { reason: string; message: string }[] = [],
  ): StreamStatus => ({
    metadata: {},
    status: 'Failure',
    message: end.message ?? message,
    reason,
    ...(causes.length === 0 ? {} : { details: { causes } }),
  });
  if (end.reason === 'start_failed') return failure('StartFailed', 'the command could not be started');
  if (end.exit === undefined) return failure('Detached', DETACHED[end.reason]);
  const { code, signal, unknown } = end.exit;
  if (unknown || code === undefined) return failure('UnknownExit', 'it ended while nobody could see how');
  if (code === 0) return { metadata: {}, status: 'Success' };
  const causes = [{ reason: EXIT_CODE_CAUSE, message: String(code) }];
  if (signal !== undefined) causes.push({ reason: 'Signal', message: signal });
  return failure('NonZeroExitCode', `command terminated with non-zero exit code: ${String(code)}`, causes);
}

const DETACHED: Readonly<Record<Exclude<AttachEnd['reason'], 'start_failed'>, string>> = {
  exited: 'the process ended and left no exit',
  slow: 'cut off: the client reads too slowly',
  shim_lost: 'the supervisor of the process was lost',
  closing: 'the daemon is going down; the process runs on',
  removed: 'the container was removed',
};

function closeCodeOf(end: AttachEnd): number {
  if (end.reason === 'slow') return CLOSE.slow;
  if (end.reason === 'closing') return CLOSE.goingAway;
  return end.reason === 'shim_lost' ? CLOSE.lost : CLOSE.normal;
}
