/**
 * Clients that have gone without a word. A connection tells its end to who reads from it; but one whose client has sent
 * all it will send is read no more, nor is one whose process takes no input, and what runs behind it may never write. So
 * all that were taken over are looked at now and then.
 */
import type { Socket } from 'node:net';
import { descriptorOf } from '../../native-bindings/peer-credentials.ts';
import { hungUp } from '../../native-bindings/hung-up.ts';

const INTERVAL_MS = 1000;

const watched = new Set<Socket>();
let timer: NodeJS.Timeout | undefined;

/** The socket is destroyed when its client is found to have gone. */
export function watchClient(socket: Socket): void {
  if (socket.destroyed || watched.has(socket)) return;
  watched.add(socket);
  socket.once('close', () => {
    watched.delete(socket);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  timer ??= setInterval(look, INTERVAL_MS).unref();
}

function look(): void {
  const open = [...watched].flatMap((socket) => {
    const fd = descriptorOf(socket);
    return fd === undefined ? [] : [{ socket, fd }];
  });
  const gone = hungUp(open.map(({ fd }) => fd));
  for (const [index, { socket }] of open.entries()) if (gone[index] === true) socket.destroy();
}
