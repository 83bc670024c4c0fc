/** Requests to one source of images: its scheme, what it wants to be shown, redirects, and further tries. */
import type { ImageError, ImageErrorCode } from '../errors.ts';
import type { Answer } from './answer.ts';
import { Authorizer } from './authorizer.ts';
import type { Credential } from './credentials.ts';
import { errorCode, refusalFailure, RegistryFailure } from './failure.ts';
import type { Pace, RegistryLimits } from './limits.ts';
import { exchangeFollowing } from './redirects.ts';
import { retrying } from './retry.ts';
import type { Source } from './settings.ts';
import type { Outgoing, Transport } from './transport.ts';

export interface SessionRequest {
  readonly method: Outgoing['method'];
  /** Below /v2/, such as "library/alpine/manifests/latest"; or an upload's place, which the registry named. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Outgoing['body'];
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are no error. */
  readonly accept: readonly number[];
  /** Begins the message of an error. */
  readonly what: string;
  /** What a 404 means. */
  readonly notFound: ImageErrorCode;
  /** The answer's body is content of any size, not a document. */
  readonly isContent?: boolean;
}

/** What a server that speaks no TLS makes of our greeting, as Node and OpenSSL call it. */
const NOT_TLS = /^(?:EPROTO|ECONNRESET|UND_ERR_SOCKET|ERR_SSL_.+)$/;

export interface SessionOptions {
  readonly limits: RegistryLimits;
  readonly pace: Pace;
  readonly credential: Credential | undefined;
  /** Told why the next source was asked instead. */
  readonly onFailure: (error: ImageError) => void;
}

export class Session {
  readonly source: Source;
  readonly onFailure: (error: ImageError) => void;
  /** A mirror that could not be reached is not asked again. */
  isDown = false;
  readonly limits: RegistryLimits;
  readonly pace: Pace;
  private readonly transport: Transport;
  private readonly credential: Credential | undefined;
  private opened: Promise<{ readonly base: URL; readonly authorizer: Authorizer }> | undefined;

  constructor(transport: Transport, source: Source, options: SessionOptions) {
    this.transport = transport;
    this.source = source;
    this.limits = options.limits;
    this.pace = options.pace;
    this.credential = options.credential;
    this.onFailure = options.onFailure;
  }

  /** With further tries. Throws RegistryFailure, or the signal's reason; the answer's status is one of `accept`. */
  request(request: SessionRequest): Promise<Answer> {
    return retrying(this.limits, this.pace, request.signal, () => this.once(request));
  }

  /** One try. */
  async once(request: SessionRequest): Promise<Answer> {
    const { base, authorizer } = await this.open();
    const { scopes, signal, what, path } = request;
    const url = typeof path === 'string' ? new URL(path, base) : path;
    const isOwn = url.origin === base.origin;
    let authorization = isOwn ? await authorizer.authorization(scopes, signal) : undefined;
    // The second try is with what the challenge asks for, the third with a token that has not run out meanwhile.
    for (let tries = 1; ; tries++) {
      const answer = await exchangeFollowing(
        this.transport,
        {
          method: request.method,
          url,
          headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
          body: request.body,
          signal,
          isDocument: request.isContent !== true,
        },
        this.limits.redirects,
        what,
      );
      if (request.accept.includes(answer.status)) return answer;
      const challenge = answer.header('www-authenticate');
      const isChallenge =
        answer.status === 401 && isOwn && answer.url.origin === base.origin && challenge !== undefined;
      if (!isChallenge || tries === 3) return this.refuse(answer, request);
      const next = await authorizer
        .answer({ challenge, shown: authorization, scopes }, signal)
        .catch((error: unknown) => {
          answer.giveUp();
          throw error;
        });
      if (next === undefined) return this.refuse(answer, request);
      await answer.discard();
      authorization = next;
    }
  }

  /** An identity token of the registry for the credentials; undefined where it gives none. Asks /v2/ first. */
  async login(signal: AbortSignal | undefined): Promise<string | undefined> {
    const what = `login at ${this.source.name}`;
    const notFound = 'registry_invalid';
    const answer = await this.request({ method: 'GET', path: '', scopes: [], signal, accept: [200], what, notFound });
    await answer.discard();
    const { authorizer } = await this.open();
    return authorizer.identity(signal);
  }

  /** The failure of an answer that is none of `accept`. */
  private async refuse(answer: Answer, request: SessionRequest): Promise<never> {
    const { status, url } = answer;
    const refusal = {
      status,
      retryAfter: answer.header('retry-after'),
      body: await answer.complaint(),
      host: url.host,
    };
    const failure = refusalFailure(refusal, request.what, request.notFound);
    if (status !== 401) throw failure;
    const hint =
      this.credential === undefined
        ? 'log in, or there is nothing of this name'
        : 'the credentials do not allow it, or there is nothing of this name';
    throw new RegistryFailure('unauthorized', `${failure.message}: ${hint}`, { status, cause: failure });
  }

  private open(): Promise<{ readonly base: URL; readonly authorizer: Authorizer }> {
    this.opened ??= this.findBase().then(
      (base) => ({ base, authorizer: new Authorizer(this.transport, this.limits, base, this.credential) }),
      (error: unknown) => {
        this.opened = undefined;
        throw error;
      },
    );
    return this.opened;
  }

  private async findBase(): Promise<URL> {
    const { scheme, host } = this.source;
    const secure = new URL(`https://${host}/v2/`);
    const plain = new URL(`http://${host}/v2/`);
    if (scheme !== undefined) return scheme === 'https' ? secure : plain;
    try {
      const answer = await this.transport.exchange({ method: 'HEAD', url: secure, headers: {}, isDocument: true });
      await answer.discard();
      return secure;
    } catch (error) {
      // Loopback without TLS. Nothing was said yet that somebody else might hear.
      const code = error instanceof RegistryFailure ? errorCode(error.cause) : undefined;
      if (code !== undefined && NOT_TLS.test(code)) return plain;
      // On the ports that go without saying the two schemes are two servers.
      if (code === 'ECONNREFUSED' && secure.port === '' && plain.port === '') return plain;
      throw error;
    }
  }
}
