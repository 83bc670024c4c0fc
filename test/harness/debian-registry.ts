/** The registry that Debian has (docker-registry), skopeo to fill and read it, and a network that breaks. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.ts';

export interface DebianRegistry {
  readonly host: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** "me" and "secret", as htpasswd -B writes them. */
const HTPASSWD = 'me:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n';

/** docker-registry on a free port of loopback, its files in `folder`. */
export async function openRegistry(folder: string, withPassword = false): Promise<DebianRegistry> {
  await mkdir(join(folder, 'data'), { recursive: true });
  const password = join(folder, 'htpasswd');
  await writeFile(password, HTPASSWD);
  const auth = withPassword ? { auth: { htpasswd: { realm: 'a test', path: password } } } : {};
  const configuration = {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...auth,
  };
  const path = join(folder, 'config.yml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(configuration));
  // A file, as nobody would read a pipe's end while this process waits.
  const log = join(folder, 'log');
  await using output = await open(log, 'w');
  const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', output.fd, output.fd] });
  const exited = once(child, 'exit');
  const port = await until('docker-registry listens', async () => {
    const text = await readFile(log, 'utf8');
    assert.equal(child.exitCode, null, text);
    return /listening on 127\.0\.0\.1:([0-9]+)/.exec(text)?.[1];
  });
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Runs it; what it says on stdout. */
export async function skopeo(...args: string[]): Promise<Buffer> {
  const { stdout } = await promisify(execFile)('skopeo', ['--insecure-policy', ...args], { encoding: 'buffer' });
  return stdout;
}

export interface Cutter {
  readonly host: string;
  /** Bytes carried so far in the direction that is cut. */
  readonly carried: () => number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Passes connections on to `host`; `times` of those that carry `most` bytes in the direction `side` end there. */
export async function openCutter(host: string, side: 'up' | 'down', most: number, times: number): Promise<Cutter> {
  let left = times;
  let all = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const peer = connect(Number(host.split(':')[1]), '127.0.0.1');
    for (const end of [socket, peer]) sockets.add(end.on('error', () => undefined));
    let carried = 0;
    const [from, to] = side === 'up' ? [socket, peer] : [peer, socket];
    from.on('data', (bytes: Buffer) => {
      carried += bytes.length;
      all += bytes.length;
      to.write(bytes);
      if (left === 0 || carried < most) return;
      left--;
      // What was passed on arrives; nothing more does.
      from.destroy();
      to.end();
    });
    to.pipe(from);
    socket.on('close', () => peer.destroy());
    peer.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    carried: () => all,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
