/** Single HTTP exchanges with registries, by undici: connections, TLS, proxies and time limits. No redirects, no retries. */
import { Readable } from 'node:stream';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { Answer } from './answer.ts';
import { RegistryFailure } from './failure.ts';
import { DEFAULT_LIMITS, type RegistryLimits } from './limits.ts';
import { isLoopback, type Registries, type RegistrySettings } from './settings.ts';
import { Watch } from './watch.ts';

export interface UploadBody {
  /** Bytes. */
  readonly length: number;
  /** From its beginning, each time; it gives exactly `length` bytes. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

export interface Outgoing {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | UploadBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The answer is a short document: all of it is to be there in `documentTimeout`. */
  readonly isDocument: boolean;
}

/** URLs of HTTP proxies, and the hosts that are reached without: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of curl(1). */
export interface Proxies {
  readonly http?: string;
  readonly https?: string;
  readonly none?: string;
}

export interface TransportOptions {
  readonly registries: Registries;
  readonly limits?: RegistryLimits;
  readonly proxies?: Proxies;
  /** "tare/1.0" */
  readonly userAgent?: string;
}

/** Time a connection stays open for the next request. */
const KEEP_ALIVE = 15_000;

function isUpload(body: Outgoing['body']): body is UploadBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

function hasOwnTls({ skipVerify, ca, certificate, key }: RegistrySettings): boolean {
  return skipVerify === true || ca !== undefined || certificate !== undefined || key !== undefined;
}

/** The context is made once: to read all certificates for each connection would take longer than the connection. */
function ownTls({ skipVerify, ca, certificate, key }: RegistrySettings): {
  secureContext: SecureContext;
  rejectUnauthorized: boolean;
} {
  const secureContext = createSecureContext({
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  });
  return { secureContext, rejectUnauthorized: skipVerify !== true };
}

/** The bytes of an upload, where the time the registry takes to take them is watched, and the time we take is not. */
async function* watched(body: UploadBody, watch: Watch): AsyncGenerator<Uint8Array> {
  watch.rest();
  for await (const piece of body.open()) {
    watch.awaitBytes();
    yield piece;
    watch.took(piece.length);
  }
  watch.awaitAnswer();
}

export class Transport {
  readonly registries: Registries;
  private readonly limits: RegistryLimits;
  private readonly proxies: Proxies;
  private readonly userAgent: string;
  /** By host where its TLS is its own; "" and "loopback" for all others. */
  private readonly dispatchers = new Map<string, Dispatcher>();

  constructor(options: TransportOptions) {
    this.registries = options.registries;
    this.limits = options.limits ?? DEFAULT_LIMITS;
    this.proxies = options.proxies ?? {};
    this.userAgent = options.userAgent ?? 'tare';
  }

  /** Throws RegistryFailure, or the signal's reason. The answer's body is to be read to its end or given up. */
  async exchange(outgoing: Outgoing): Promise<Answer> {
    const { method, url, signal, body } = outgoing;
    signal?.throwIfAborted();
    const watch = new Watch(url, this.limits, signal);
    const headers: Record<string, string> = {
      ...outgoing.headers,
      'user-agent': this.userAgent,
      // Digests are of what lies in the registry; nothing in between is to pack it.
      'accept-encoding': 'identity',
    };
    if (isUpload(body)) headers['content-length'] = String(body.length);
    try {
      if (outgoing.isDocument) watch.limitWhole();
      watch.awaitAnswer();
      const answer = await this.dispatcherOf(url).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers,
        body: isUpload(body) ? Readable.from(watched(body, watch), { highWaterMark: 1 }) : (body ?? null),
        signal: watch.signal,
        // The watch is finer: it knows who keeps whom waiting.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      watch.rest();
      return this.checked(new Answer(answer.statusCode, url, answer.headers, answer.body, watch));
    } catch (error) {
      watch.close();
      throw watch.explain(error);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const dispatchers = [...this.dispatchers.values()];
    this.dispatchers.clear();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()));
  }

  private checked(answer: Answer): Answer {
    const encoding = answer.header('content-encoding') ?? 'identity';
    if (encoding.toLowerCase() === 'identity' || answer.status >= 300) return answer;
    answer.giveUp();
    throw new RegistryFailure('registry_invalid', `${answer.url.host}: its answer is packed, which was not asked for`);
  }

  private dispatcherOf(url: URL): Dispatcher {
    const settings = this.registries.of(url.host);
    const isOwn = hasOwnTls(settings);
    const shared = isLoopback(url.host) ? 'loopback' : '';
    const name = isOwn ? url.host : shared;
    const found = this.dispatchers.get(name);
    if (found !== undefined) return found;
    const options = {
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE,
      connect: { timeout: this.limits.connectTimeout, ...(isOwn ? ownTls(settings) : {}) },
    };
    const { http = '', https = '', none = '' } = this.proxies;
    const isDirect = isLoopback(url.host) || (http === '' && https === '');
    const dispatcher = isDirect
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          httpProxy: http,
          httpsProxy: https,
          noProxy: none,
          requestTls: options.connect,
        });
    this.dispatchers.set(name, dispatcher);
    return dispatcher;
  }
}
