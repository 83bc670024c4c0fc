/** How a registry of a test lets people in: not at all asked, by name and password, or by tokens of its own server. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface TestAuth {
  readonly kind: 'basic' | 'token';
  /** Passwords by name. */
  readonly users: Readonly<Record<string, string>>;
  /** Anybody may pull: a token is given without credentials. */
  readonly isPublic?: boolean;
  /** What the token server tells; undefined: it tells nothing. */
  readonly expiresIn?: number;
  /** Another realm than the registry's own /token. */
  readonly realm?: string;
}

/** A refresh token that the token server takes. */
export const IDENTITY_TOKEN = 'identity-of-the-test';

export class TestGate {
  /** Queries of the token server, as they came. */
  readonly tokenRequests: URLSearchParams[] = [];
  /** Is asked before a token is given; an answer it makes is the answer. */
  tokenFault: ((response: ServerResponse) => boolean) | undefined;
  private readonly auth: TestAuth | undefined;
  private readonly origin: string;
  private readonly tokens = new Map<string, ReadonlySet<string>>();
  private made = 0;

  constructor(auth: TestAuth | undefined, origin: string) {
    this.auth = auth;
    this.origin = origin;
  }

  /** All tokens given so far are worth nothing any more. */
  revoke(): void {
    this.tokens.clear();
  }

  /** Whether the request may do `scopes`; where not, the answer is made. */
  admits(request: IncomingMessage, response: ServerResponse, scopes: readonly string[]): boolean {
    if (this.auth === undefined) return true;
    const { authorization } = request.headers;
    const isLetIn =
      this.auth.kind === 'basic'
        ? this.user(authorization) !== undefined
        : authorization?.startsWith('Bearer ') === true &&
          scopes.every((scope) => this.tokens.get(authorization.slice(7))?.has(scope) === true) &&
          this.tokens.has(authorization.slice(7));
    if (isLetIn) return true;
    const realm = this.auth.realm ?? `${this.origin}/token`;
    const scope = scopes.length === 0 ? '' : `,scope="${scopes.map((one) => one.replace('|', ':')).join(' ')}"`;
    const challenge =
      this.auth.kind === 'basic' ? 'Basic realm="a test"' : `Bearer realm="${realm}",service="test registry"${scope}`;
    response.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
    return false;
  }

  /** The token server, GET of Docker's protocol and POST of OAuth2's. */
  async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = await queryOf(request);
    this.tokenRequests.push(query);
    if (this.tokenFault?.(response) === true) return;
    const user = this.user(request.headers.authorization);
    const isKnown = user !== undefined || query.get('refresh_token') === IDENTITY_TOKEN;
    const hasTried = request.headers.authorization !== undefined || query.has('refresh_token');
    if (!isKnown && (hasTried || this.auth?.isPublic !== true)) {
      response.writeHead(401).end('{"details": "incorrect username or password"}');
      return;
    }
    const token = `token-${++this.made}`;
    const asked = query.getAll('scope').flatMap((scopes) => scopes.split(' '));
    this.tokens.set(token, new Set(asked.flatMap((scope) => granted(scope, isKnown))));
    const { expiresIn } = this.auth ?? {};
    const identity = query.get('offline_token') === 'true' ? { refresh_token: IDENTITY_TOKEN } : {};
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token, ...identity, ...(expiresIn === undefined ? {} : { expires_in: expiresIn }) }));
  }

  private user(authorization: string | undefined): string | undefined {
    if (authorization?.startsWith('Basic ') !== true) return undefined;
    const pair = Buffer.from(authorization.slice(6), 'base64').toString();
    const name = pair.slice(0, pair.indexOf(':'));
    return this.auth?.users[name] === pair.slice(name.length + 1) ? name : undefined;
  }
}

/** "repository:path:pull,push" as single scopes "repository:path|pull". Nobody unknown pushes. */
function granted(scope: string, isKnown: boolean): string[] {
  const [kind, path, actions = ''] = scope.split(':');
  const allowed = actions.split(',').filter((action) => isKnown || action === 'pull');
  return allowed.map((action) => `${kind}:${path}|${action}`);
}

async function queryOf(request: IncomingMessage): Promise<URLSearchParams> {
  if (request.method !== 'POST') return new URL(request.url ?? '/', 'http://test').searchParams;
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return new URLSearchParams(Buffer.concat(pieces).toString());
}
