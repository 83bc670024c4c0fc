/**
 * Output of a process without a terminal: each piece behind a header of its stream and its length
 * (docker-engine-api, ContainerAttach, "Stream format").
 */
import type { OutputStream } from '../../api/engine.ts';

export const RAW = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED = 'application/vnd.docker.multiplexed-stream';
/** Clients before this one know one content type for both. */
const MULTIPLEXED_SINCE = 42;

const HEADER = 8;
const NUMBERS: Readonly<Record<OutputStream, number>> = { stdout: 1, stderr: 2 };

export function contentTypeOf(terminal: boolean, version: number): string {
  return terminal || version < MULTIPLEXED_SINCE ? RAW : MULTIPLEXED;
}

/** [stream, 0, 0, 0, length in four bytes, the highest first] */
export function frameHeader(stream: OutputStream, length: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header[0] = NUMBERS[stream];
  header.writeUInt32BE(length, 4);
  return header;
}

export function frame(stream: OutputStream, text: string, encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  const room = Buffer.alloc(HEADER + Buffer.byteLength(text, encoding));
  frameHeader(stream, room.length - HEADER).copy(room);
  room.write(text, HEADER, encoding);
  return room;
}
