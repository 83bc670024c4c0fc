/** Questions by UDP on one address. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** Replies that wait for the kernel; beyond that they are dropped, as UDP may. */
const MOST_UNSENT_BYTES = 1_048_576;

export type Handler = (message: Buffer, address: string) => Buffer | undefined | Promise<Buffer | undefined>;

/** Rejects with the error of bind(2), which has a `code`. `failed` is told what goes wrong later. */
export async function listenUdp(
  address: string,
  port: number,
  handler: Handler,
  failed: (error: Error) => void,
): Promise<{ close(): void }> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  let open = true;
  const send = (reply: Buffer | undefined, from: { address: string; port: number }) => {
    if (open && reply !== undefined) sendReply(socket, reply, from);
  };
  socket.on('error', failed);
  socket.on('message', (message, from) => {
    const reply = handler(message, from.address);
    if (reply instanceof Promise) void reply.then((late) => send(late, from));
    else send(reply, from);
  });
  return {
    close: () => {
      open = false;
      socket.close();
    },
  };
}

/** Who is gone, or whom no way leads to any more, misses nothing. Port 0 can be forged, and nothing can be sent there. */
function sendReply(socket: Socket, reply: Buffer, { address, port }: { address: string; port: number }): void {
  if (port === 0 || socket.getSendQueueSize() > MOST_UNSENT_BYTES) return;
  socket.send(reply, port, address, () => undefined);
}
