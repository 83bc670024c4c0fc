/** One file of a log, read forwards record by record. */
import { open, type FileHandle } from 'node:fs/promises';
import type { LogEntry } from '../../../shared/api/logs.ts';
import { type TextEncoding, parseRecord } from './record.ts';

const READ_SIZE = 64 * 1024;
/** A record the shim writes is at most 16 KiB of text, six times as much as JSON, and a frame; what goes on longer without a newline is none. */
const LONGEST_RECORD = 256 * 1024;
const NEWLINE = 0x0a;

export class LogFile {
  readonly inode: bigint;
  private readonly handle: FileHandle;
  private readonly encoding: TextEncoding;
  private offset: number;
  /** Of a record that is longer than one read. */
  private carry: Buffer = Buffer.alloc(0);
  /** Within something too long to be a record: nothing counts until its newline. */
  private overlong = false;
  private hasTorn = false;
  private buffer: Buffer | undefined;
  /** Records that were none. */
  skipped = 0;

  private constructor(handle: FileHandle, inode: bigint, encoding: TextEncoding) {
    this.handle = handle;
    this.inode = inode;
    this.encoding = encoding;
    this.offset = 0;
  }

  /** Undefined if there is no such file. */
  static async open(path: string, encoding: TextEncoding): Promise<LogFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { ino } = await handle.stat({ bigint: true });
      return new LogFile(handle, ino, encoding);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Size in bytes, and when it was last written to, in ns since 1970. */
  async stat(): Promise<{ readonly size: number; readonly writtenAt: bigint }> {
    const { size, mtimeNs } = await this.handle.stat({ bigint: true });
    return { size: Number(size), writtenAt: mtimeNs };
  }

  /** The next read begins here; it must be where a record begins. */
  seek(offset: number): void {
    this.offset = offset;
    this.carry = Buffer.alloc(0);
    this.overlong = false;
  }

  /** The records that one read makes whole (maybe none). Undefined at the end, or at `limit`. */
  async next(limit = Number.MAX_SAFE_INTEGER): Promise<LogEntry[] | undefined> {
    this.buffer ??= Buffer.allocUnsafe(READ_SIZE);
    const most = Math.min(READ_SIZE, limit - this.offset);
    const count = most <= 0 ? 0 : (await this.handle.read(this.buffer, 0, most, this.offset)).bytesRead;
    if (count === 0) {
      this.meetEnd();
      return undefined;
    }
    this.offset += count;
    const bytes = this.buffer.subarray(0, count);
    const end = bytes.lastIndexOf(NEWLINE);
    if (end >= 0) return this.parse(bytes, end);
    this.keep(Buffer.concat([this.carry, bytes]));
    if (count === most) return [];
    this.meetEnd();
    return undefined;
  }

  /** Up to `count` bytes that end before `end`. */
  async before(end: number, count: number): Promise<Buffer> {
    const size = Math.min(count, end);
    const bytes = Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await this.handle.read(bytes, filled, size - filled, end - size + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  /** At the end a record was met whose newline has not come. */
  get torn(): boolean {
    return this.hasTorn;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** The last newline is at `end`. What follows it is read again with its end, for it may not stay as it is. */
  private parse(bytes: Buffer, end: number): LogEntry[] {
    const whole = Buffer.concat([this.carry, bytes.subarray(0, end)]);
    const lines = whole.toString(this.encoding).split('\n');
    if (this.overlong) lines.shift();
    this.overlong = false;
    this.carry = Buffer.alloc(0);
    this.offset -= bytes.length - end - 1;
    const entries: LogEntry[] = [];
    for (const line of lines) {
      const entry = parseRecord(line, this.encoding);
      if (entry === undefined) this.skipped += 1;
      else entries.push(entry);
    }
    return entries;
  }

  /** A record that is not whole is read anew later: the shim takes back what the disk did not take whole. */
  private meetEnd(): void {
    // who follows a log waits here, maybe for days
    this.buffer = undefined;
    this.hasTorn = this.carry.length > 0;
    this.offset -= this.carry.length;
    this.carry = Buffer.alloc(0);
  }

  private keep(rest: Buffer): void {
    if (this.overlong || rest.length > LONGEST_RECORD) {
      if (!this.overlong) this.skipped += 1;
      this.overlong = true;
      this.carry = Buffer.alloc(0);
      return;
    }
    this.carry = rest;
  }
}
