/**
 * A registry of the test's own, in its process and memory: the distribution specification with basic or token
 * authentication, parts or none, and every fault of test/harness/registry/faults.ts on demand. What others have made
 * (Debian's docker-registry, skopeo) is the measure; this one shows what those never do.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TestGate, type TestAuth } from './registry/auth.ts';
import { answerWrongly, type Fault, type Rule } from './registry/faults.ts';

export { IDENTITY_TOKEN, type TestAuth } from './registry/auth.ts';
export type { Fault } from './registry/faults.ts';

export interface TestRegistryOptions {
  readonly auth?: TestAuth;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Whether parts of blobs are given. Default true. */
  readonly ranges?: boolean;
  /** The header OCI-Chunk-Min-Length. */
  readonly chunkMinimum?: number;
}

export interface TestDescriptor {
  readonly mediaType: string;
  readonly digest: `sha256:${string}`;
  readonly size: number;
}

/** A request as it came. */
export interface Asked {
  /** "GET /v2/app/blobs/sha256:…" with its query. */
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
}

const PATH = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags)\/([^/]*)$/;

function sha256(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export class TestRegistry {
  /** "127.0.0.1:34567" */
  readonly host: string;
  readonly origin: string;
  readonly gate: TestGate;
  readonly asked: Asked[] = [];
  /** By "path@digest". */
  readonly blobs = new Map<string, Buffer>();
  /** By "path:tag" and "path@digest". */
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  /** Bytes of blobs sent so far. */
  sent = 0;
  private readonly options: TestRegistryOptions;
  private readonly server;
  private readonly rules: Rule[] = [];
  private readonly uploads = new Map<string, Buffer>();
  private uploadCount = 0;

  private constructor(server: ReturnType<typeof createServer>, options: TestRegistryOptions) {
    this.server = server;
    this.options = options;
    const { port } = server.address() as AddressInfo;
    this.host = `127.0.0.1:${port}`;
    this.origin = `${options.tls === undefined ? 'http' : 'https'}://${this.host}`;
    this.gate = new TestGate(options.auth, this.origin);
    server.on('request', (request, response) => {
      this.handle(request, response).catch(() => response.destroy());
    });
  }

  static async open(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const server = options.tls === undefined ? createServer() : createSecureServer(options.tls);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestRegistry(server, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** The next `times` requests whose line matches go wrong so. */
  misbehave(match: RegExp, fault: Fault, times = Infinity): void {
    this.rules.push({ match, fault, times });
  }

  behave(): void {
    this.rules.length = 0;
  }

  /** Lines of the requests so far that match. */
  lines(match = /./): string[] {
    return this.asked.map(({ line }) => line).filter((line) => match.test(line));
  }

  addBlob(path: string, bytes: Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar'): TestDescriptor {
    const digest = sha256(bytes);
    this.blobs.set(`${path}@${digest}`, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  addManifest(path: string, tag: string | undefined, document: object, mediaType: string): TestDescriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = sha256(bytes);
    for (const key of [`${path}@${digest}`, ...(tag === undefined ? [] : [`${path}:${tag}`])]) {
      this.manifests.set(key, { bytes, mediaType });
    }
    return { mediaType, digest, size: bytes.length };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const line = `${request.method} ${url.pathname}${url.search}`;
    this.asked.push({ line, headers: request.headers });
    if (url.pathname === '/token') return this.gate.token(request, response);
    const rule = this.rules.find(({ match, times }) => times > 0 && match.test(line));
    if (rule !== undefined) rule.times--;
    const fault = rule?.fault;
    if (fault !== undefined && answerWrongly(fault, request, response)) return;
    const [, path, kind, target] = PATH.exec(decodeURIComponent(url.pathname)) ?? [];
    if (url.pathname === '/v2/') {
      if (this.gate.admits(request, response, [])) this.send(response, 200, {}, '{}', fault);
      return;
    }
    if (path === undefined || target === undefined) {
      this.complain(response, 404, 'NAME_UNKNOWN');
      return;
    }
    if (!this.gate.admits(request, response, scopesOf(request, path, url))) return;
    if (kind === 'manifests') return this.manifest(request, response, path, target, fault);
    if (kind === 'blobs') {
      this.blob(request, response, path, target, fault);
      return;
    }
    if (kind === 'tags') {
      this.tags(response, path, url, fault);
      return;
    }
    return this.upload(request, response, path, target, url, fault);
  }

  private async manifest(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    target: string,
    fault: Fault | undefined,
  ): Promise<void> {
    const key = target.includes(':') ? `${path}@${target}` : `${path}:${target}`;
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request);
      const manifest = { bytes, mediaType: request.headers['content-type'] ?? '' };
      this.manifests.set(`${path}@${sha256(bytes)}`, manifest);
      this.manifests.set(key, manifest);
      this.send(response, 201, { 'docker-content-digest': sha256(bytes) }, '', fault);
      return;
    }
    const found = this.manifests.get(key);
    if (found === undefined) {
      this.complain(response, 404, 'MANIFEST_UNKNOWN');
      return;
    }
    const { bytes, mediaType } = found;
    const headers = {
      'content-type': mediaType,
      'content-length': bytes.length,
      'docker-content-digest': sha256(bytes),
    };
    this.send(response, 200, headers, request.method === 'HEAD' ? '' : bytes, fault);
  }

  private blob(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    digest: string,
    fault: Fault | undefined,
  ): void {
    const bytes = this.blobs.get(`${path}@${digest}`);
    if (bytes === undefined) {
      this.complain(response, 404, 'BLOB_UNKNOWN');
      return;
    }
    if (request.method === 'HEAD') {
      this.send(response, 200, { 'content-length': bytes.length }, '', fault);
      return;
    }
    const range = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? '');
    const from = range === null || this.options.ranges === false ? 0 : Number(range[1]);
    const isPart = range !== null && this.options.ranges !== false;
    if (isPart && from >= bytes.length) {
      this.complain(response, 416, 'RANGE_INVALID');
      return;
    }
    const part = bytes.subarray(from);
    this.sent += part.length;
    const headers = {
      'content-length': part.length,
      ...(isPart ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    };
    this.send(response, isPart ? 206 : 200, headers, part, fault);
  }

  private tags(response: ServerResponse, path: string, url: URL, fault: Fault | undefined): void {
    const keys = [...this.manifests.keys()].filter((key) => key.startsWith(`${path}:`));
    if (keys.length === 0) {
      this.complain(response, 404, 'NAME_UNKNOWN');
      return;
    }
    const all = keys.map((key) => key.slice(path.length + 1)).sort();
    const last = url.searchParams.get('last');
    const page = all.filter((tag) => last === null || tag > last).slice(0, 2);
    const isLast = page.at(-1) === all.at(-1);
    const next = isLast ? {} : { link: `</v2/${path}/tags/list?n=2&last=${page.at(-1)}>; rel="next"` };
    this.send(response, 200, { ...next }, JSON.stringify({ name: path, tags: page }), fault);
  }

  private async upload(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    id: string,
    url: URL,
    fault: Fault | undefined,
  ): Promise<void> {
    if (request.method === 'POST') {
      this.beginUpload(response, path, url, fault);
      return;
    }
    const kept = this.uploads.get(id);
    if (kept === undefined) {
      this.complain(response, 404, 'BLOB_UPLOAD_UNKNOWN');
      return;
    }
    const headers = (length: number): OutgoingHttpHeaders => ({
      location: `/v2/${path}/blobs/uploads/${id}?state=${length}%3D`,
      range: `0-${Math.max(0, length - 1)}`,
    });
    if (request.method === 'GET') {
      this.send(response, 204, headers(kept.length), '', fault);
      return;
    }
    if (request.method === 'DELETE') {
      this.uploads.delete(id);
      this.send(response, 204, {}, '', fault);
      return;
    }
    if (url.searchParams.get('state') !== `${kept.length}=`) {
      this.complain(response, 416, 'RANGE_INVALID');
      return;
    }
    const most = fault?.kind === 'break' ? fault.after : Infinity;
    const bytes = Buffer.concat([kept, await bodyOf(request, most)]);
    this.uploads.set(id, bytes);
    if (fault?.kind === 'break') {
      request.socket.resetAndDestroy();
      return;
    }
    if (request.method === 'PATCH') {
      this.send(response, 202, headers(bytes.length), '', fault);
      return;
    }
    const digest = url.searchParams.get('digest');
    if (digest !== sha256(bytes)) {
      this.complain(response, 400, 'DIGEST_INVALID');
      return;
    }
    this.uploads.delete(id);
    this.blobs.set(`${path}@${digest}`, bytes);
    this.send(response, 201, { 'docker-content-digest': digest }, '', fault);
  }

  private beginUpload(response: ServerResponse, path: string, url: URL, fault: Fault | undefined): void {
    const [digest, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
    const found = this.blobs.get(`${from}@${digest}`);
    if (found !== undefined) {
      this.blobs.set(`${path}@${digest}`, found);
      this.send(response, 201, { location: `/v2/${path}/blobs/${digest}` }, '', fault);
      return;
    }
    const id = `upload-${++this.uploadCount}`;
    this.uploads.set(id, Buffer.alloc(0));
    const { chunkMinimum } = this.options;
    const minimum = chunkMinimum === undefined ? {} : { 'oci-chunk-min-length': chunkMinimum };
    const location = `/v2/${path}/blobs/uploads/${id}?state=0%3D`;
    this.send(response, 202, { location, range: '0-0', ...minimum }, '', fault);
  }

  private complain(response: ServerResponse, status: number, code: string): void {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code, message: `${code.toLowerCase()} of a test` }] }));
  }

  private send(
    response: ServerResponse,
    status: number,
    headers: OutgoingHttpHeaders,
    body: Uint8Array | string,
    fault: Fault | undefined,
  ): void {
    response.writeHead(status, fault?.kind === 'headers' ? { ...headers, ...fault.headers } : headers);
    if (fault?.kind !== 'stall' && fault?.kind !== 'break') {
      response.end(body);
      return;
    }
    response.write(Buffer.from(body).subarray(0, fault.after), () => {
      if (fault.kind === 'break') response.socket?.end();
    });
  }
}

function scopesOf(request: IncomingMessage, path: string, url: URL): string[] {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const isUpload = url.pathname.includes('/blobs/uploads/');
  return isRead && !isUpload ? [`repository:${path}|pull`] : [`repository:${path}|pull`, `repository:${path}|push`];
}

/** The request's body, or its first `most` bytes. */
async function bodyOf(request: IncomingMessage, most = Infinity): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
    if (length >= most) break;
  }
  const all = Buffer.concat(pieces);
  return most === Infinity ? all : all.subarray(0, most);
}
