/** The two sides of a DNS server: those who ask it, from an address of theirs, and servers that it asks. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { decode, encode, RECURSION_DESIRED, type Packet, type RecordType } from 'dns-packet';
import { Frames, frame } from '../../daemon/network/dns/frames.ts';

/** A server of the world outside; what it is asked is counted, what it says is the test's. */
export class Outside {
  readonly asked: string[] = [];
  readonly ports = new Set<number>();
  reply: (query: Packet, transport: 'udp' | 'tcp') => (Packet | Buffer)[] = () => [];
  private readonly udp: Socket;
  private readonly tcp: Server;

  private constructor(udp: Socket) {
    this.udp = udp;
    udp.on('message', (message, from) => {
      this.ports.add(from.port);
      for (const reply of this.replies(message, 'udp')) udp.send(reply, from.port, from.address);
    });
    this.tcp = createServer((socket) => {
      const frames = new Frames(65_535);
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        frames.add(chunk);
        for (let message = frames.take(); message !== undefined; message = frames.take()) {
          for (const reply of this.replies(message, 'tcp')) socket.write(frame(reply));
        }
      });
    });
  }

  static async open(address: string): Promise<Outside> {
    const udp = createSocket('udp4');
    udp.bind(53, address);
    await once(udp, 'listening');
    const outside = new Outside(udp);
    outside.tcp.listen(53, address);
    await once(outside.tcp, 'listening');
    return outside;
  }

  /** To somebody who did not ask it. */
  say(reply: Packet, port = 0): void {
    this.udp.send(encode(reply), port, '127.0.0.1');
  }

  close(): void {
    this.udp.close();
    this.tcp.close();
  }

  private replies(message: Buffer, transport: 'udp' | 'tcp'): Buffer[] {
    const query = decode(message);
    this.asked.push(`${transport} ${query.questions?.[0]?.name ?? ''}`);
    return this.reply(query, transport).map((reply) => (Buffer.isBuffer(reply) ? reply : encode(reply)));
  }
}

/** What a server says that knows `data` for any name. */
export const saying =
  (data: string) =>
  (query: Packet): Packet[] => [{ ...replyTo(query), answers: [{ type: 'A', name: nameIn(query), ttl: 60, data }] }];
export const failing = (rcode: number) => (query: Packet) => [{ ...replyTo(query), flags: rcode }];
export const nameIn = (query: Packet): string => query.questions?.[0]?.name ?? '';
export const replyTo = (query: Packet): Packet => ({
  type: 'response',
  id: query.id ?? 0,
  questions: query.questions ?? [],
});

export interface Asking {
  /** Addresses. */
  readonly from: string;
  readonly to: string;
  readonly type?: RecordType;
  /** The longest answer that is taken by UDP. */
  readonly edns?: number;
}

export function question(name: string, { type = 'A', edns }: Partial<Asking> = {}, id = 7): Buffer {
  const opt = {
    type: 'OPT',
    name: '.',
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
  } as const;
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, name }],
    additionals: edns === undefined ? [] : [{ ...opt, udpPayloadSize: edns, options: [] }],
  });
}

/** What an answer says. */
export function told(message: Buffer) {
  const packet = decode(message);
  const records = (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
  return {
    id: packet.id,
    rcode: message.readUInt16BE(2) & 15,
    records,
    truncated: packet.flag_tc,
    size: message.length,
  };
}

/** One question by UDP and its answer. */
export async function askByUdp(name: string, asking: Asking) {
  const { from, to } = asking;
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    const reply = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(question(name, asking), 53, to);
    return told((await reply)[0]);
  } finally {
    socket.close();
  }
}

/** Several questions in one connection, written at once; the answers in the order in which they come. */
export async function askInOneConnection(names: readonly string[], asking: Asking) {
  const socket = connect({ host: asking.to, port: 53, localAddress: asking.from });
  const frames = new Frames(65_535);
  const answers: ReturnType<typeof told>[] = [];
  socket.write(Buffer.concat(names.map((name, index) => frame(question(name, asking, index)))));
  for await (const chunk of socket) {
    frames.add(chunk as Buffer);
    for (let message = frames.take(); message !== undefined; message = frames.take()) answers.push(told(message));
    if (answers.length === names.length) break;
  }
  return answers;
}
