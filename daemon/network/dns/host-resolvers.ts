/**
 * How the host itself resolves names. Where its file names the stub of systemd-resolved alone, which is the host's own
 * loopback and nobody else's, the servers behind the stub are taken (systemd-resolved(8), "/etc/resolv.conf").
 */
import { readFileSync, statSync } from 'node:fs';
import { NO_RESOLV_CONF, parseResolvConf, type ResolvConf } from './resolv-conf.ts';

const FILE = '/etc/resolv.conf';
const BEHIND_THE_STUB = '/run/systemd/resolve/resolv.conf';
const STUBS = new Set(['127.0.0.53', '127.0.0.54']);
/** Whether a file has changed is asked once in so many milliseconds: two calls of the kernel, some 0.01 ms. */
const FRESH_MS = 1000;
/** A larger file is no resolv.conf. */
const LARGEST = 65_536;

export interface HostFiles {
  readonly own: string;
  readonly behindStub: string;
}

interface Reading {
  readonly state: string;
  readonly conf: ResolvConf;
}

export class HostResolvers {
  private readonly files: HostFiles;
  private readonly freshMs: number;
  private reading: Reading | undefined;
  private askedAt = 0;

  constructor(files: HostFiles = { own: FILE, behindStub: BEHIND_THE_STUB }, freshMs = FRESH_MS) {
    this.files = files;
    this.freshMs = freshMs;
  }

  /** Read again when a file has changed. A file that is missing, or that nobody may read, says nothing. */
  current(): ResolvConf {
    const now = performance.now();
    if (this.reading !== undefined && now - this.askedAt < this.freshMs) return this.reading.conf;
    this.askedAt = now;
    const state = `${stateOf(this.files.own)} ${stateOf(this.files.behindStub)}`;
    if (this.reading?.state !== state) this.reading = { state, conf: this.read() };
    return this.reading.conf;
  }

  private read(): ResolvConf {
    const own = readConf(this.files.own);
    const isStub = own.servers.length > 0 && own.servers.every((server) => STUBS.has(server));
    if (!isStub) return own;
    const behind = readConf(this.files.behindStub);
    return behind.servers.length > 0 ? behind : own;
  }
}

/** Another text for another content; "" where there is no such file. */
function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch {
    return '';
  }
}

/** A FIFO in the file's place would hold us up, a huge one too. */
function readConf(path: string): ResolvConf {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= LARGEST ? parseResolvConf(readFileSync(path, 'utf8')) : NO_RESOLV_CONF;
  } catch {
    return NO_RESOLV_CONF;
  }
}
