/** What is shown to one registry so that it lets us in: nothing, a name and password, or a token for what we do there. */
import { basicAuthorization, type Credential } from './credentials.ts';
import { parseChallenges } from './challenge.ts';
import type { RegistryLimits } from './limits.ts';
import { requestToken, type Token } from './token.ts';
import type { Transport } from './transport.ts';

interface Realm {
  readonly url: URL;
  readonly service: string | undefined;
}

/** How many sets of scopes are kept tokens of: a client lives for one pull or push. */
const TOKENS_MAX = 256;

function splitScopes(text: string | undefined): string[] {
  return text === undefined
    ? []
    : text
        .split(' ')
        .filter((scope) => scope !== '')
        .slice(0, 16);
}

/** Waits no longer than until the signal is aborted; then its reason is thrown. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What was shown, and what the registry said to it. */
export interface Challenged {
  /** The header WWW-Authenticate. */
  readonly challenge: string;
  /** What was shown; undefined: nothing. */
  readonly shown: string | undefined;
  readonly scopes: readonly string[];
}

export class Authorizer {
  private readonly transport: Transport;
  private readonly limits: RegistryLimits;
  private readonly registry: URL;
  private readonly credential: Credential | undefined;
  private isBasic = false;
  private realm: Realm | undefined;
  /** By scopes; those under way are waited for by all who want the same. */
  private readonly tokens = new Map<string, Promise<Token>>();
  /** What the registry asked for besides what we knew to ask for, by scopes. */
  private readonly extra = new Map<string, readonly string[]>();

  /** `registry`: its origin; what is shown is for it alone. */
  constructor(transport: Transport, limits: RegistryLimits, registry: URL, credential: Credential | undefined) {
    this.transport = transport;
    this.limits = limits;
    this.registry = registry;
    this.credential = credential;
  }

  get hasCredential(): boolean {
    return this.credential !== undefined;
  }

  /** The header Authorization for a request that needs `scopes`; undefined: none. */
  async authorization(scopes: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.credential?.kind === 'bearer') return `Bearer ${this.credential.token}`;
    if (this.isBasic) return this.basic();
    if (this.realm === undefined) return undefined;
    return `Bearer ${(await orAborted(this.token(this.realm, scopes), signal)).token}`;
  }

  /**
   * The registry answered 401. Gives what to show at the next try, or undefined where there is nothing else to show.
   * Throws what requestToken throws.
   */
  async answer(challenged: Challenged, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { shown, scopes } = challenged;
    if (this.credential?.kind === 'bearer') return undefined;
    const challenges = parseChallenges(challenged.challenge);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters;
    const realm = bearer?.get('realm');
    if (realm !== undefined && URL.canParse(realm)) {
      this.realm = { url: new URL(realm), service: bearer?.get('service') };
      this.isBasic = false;
      const key = scopes.join(' ');
      this.extra.set(key, splitScopes(bearer?.get('scope')));
      await this.forget(key, shown);
      const authorization = await this.authorization(scopes, signal);
      return authorization === shown ? undefined : authorization;
    }
    const basic = this.basic();
    if (basic === undefined || basic === shown || !challenges.some(({ scheme }) => scheme === 'basic'))
      return undefined;
    this.isBasic = true;
    return basic;
  }

  /** A token for no scope, and with it the identity token that some registries give; undefined where it has no tokens. */
  async identity(signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.realm === undefined || this.credential?.kind !== 'password') return undefined;
    return (await orAborted(this.request(this.realm, [], true), signal)).identityToken;
  }

  private basic(): string | undefined {
    if (this.credential?.kind !== 'password') return undefined;
    return basicAuthorization(this.credential.username, this.credential.password);
  }

  /** Without the caller's signal: others may wait for the same token, and it is bounded in time. */
  private request(realm: Realm, scopes: readonly string[], wantsIdentity: boolean): Promise<Token> {
    const { registry, credential } = this;
    const request = { registry, realm: realm.url, service: realm.service, scopes, credential, wantsIdentity };
    return requestToken(this.transport, request, this.limits);
  }

  /** The token of `key`, if it is the one that was refused: another caller may have got a new one meanwhile. */
  private async forget(key: string, shown: string | undefined): Promise<void> {
    const known = this.tokens.get(key);
    if (known === undefined) return;
    try {
      const { token } = await known;
      if (`Bearer ${token}` === shown && this.tokens.get(key) === known) this.tokens.delete(key);
    } catch {
      // Ignoring: it is no longer among the tokens, and whoever asked for it was told.
    }
  }

  private async token(realm: Realm, scopes: readonly string[]): Promise<Token> {
    const key = scopes.join(' ');
    const known = this.tokens.get(key);
    if (known !== undefined) {
      const token = await known;
      if (token.expires > performance.now()) return token;
      if (this.tokens.get(key) === known) this.tokens.delete(key);
      return this.token(realm, scopes);
    }
    const all = [...new Set([...scopes, ...(this.extra.get(key) ?? [])])];
    const asked = this.request(realm, all, false);
    if (this.tokens.size >= TOKENS_MAX) this.tokens.clear();
    this.tokens.set(key, asked);
    // A failure is told to those who wait for it now, and not kept for those who come later.
    asked.catch(() => {
      if (this.tokens.get(key) === asked) this.tokens.delete(key);
    });
    return asked;
  }
}
