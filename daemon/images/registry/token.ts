/**
 * Tokens: the registry names a token server and what to ask it for, and its token is shown with each request. The
 * protocol is Docker's (distribution documentation, "Token Authentication" and "OAuth2"), which all registries speak.
 */
import { Fields } from '../manifest/fields.ts';
import { basicAuthorization, isToken, type Credential } from './credentials.ts';
import { RegistryFailure, refusalFailure } from './failure.ts';
import type { RegistryLimits } from './limits.ts';
import { exchangeFollowing } from './redirects.ts';
import type { Outgoing, Transport } from './transport.ts';

export interface TokenRequest {
  /** Of the registry that named the token server. */
  readonly registry: URL;
  readonly realm: URL;
  readonly service: string | undefined;
  /** "repository:library/alpine:pull" */
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  /** Ask for an identity token too: a login. */
  readonly wantsIdentity: boolean;
}

export interface Token {
  readonly token: string;
  /** On the clock of performance.now(). */
  readonly expires: number;
  readonly identityToken?: string;
}

const CLIENT = 'tare';
/** Seconds where the answer says nothing or less: "Token Authentication". */
const LIFETIME_LEAST = 60;
const LIFETIME_MOST = 24 * 60 * 60;
/** A token is not used any more this many milliseconds before its end. */
const MARGIN = 10_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

function outgoingOf(request: TokenRequest): Outgoing {
  const { realm, service, scopes, credential, wantsIdentity } = request;
  const common = { isDocument: true };
  if (credential?.kind === 'identity') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: CLIENT,
      refresh_token: credential.token,
    });
    if (service !== undefined) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { ...common, method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credential?.kind !== 'password') return { ...common, method: 'GET', url, headers: {} };
  url.searchParams.set('account', credential.username);
  if (wantsIdentity) {
    url.searchParams.set('client_id', CLIENT);
    url.searchParams.set('offline_token', 'true');
  }
  const authorization = basicAuthorization(credential.username, credential.password);
  return { ...common, method: 'GET', url, headers: { authorization } };
}

function parseToken(body: Uint8Array, what: string, started: number): Token {
  const fields = Fields.parse(body, what, 'registry_invalid');
  // Both names are in use; a server that speaks both gives the same under both.
  const name = (fields.text('token') ?? '') === '' ? 'access_token' : 'token';
  const token = fields.required(name, fields.text(name));
  if (!isToken(token)) fields.refuse(name, 'is not a token');
  const identityToken = fields.text('refresh_token') ?? '';
  if (identityToken !== '' && !isToken(identityToken)) fields.refuse('refresh_token', 'is not a token');
  const seconds = Math.min(LIFETIME_MOST, Math.max(LIFETIME_LEAST, fields.integer('expires_in', 0) ?? 0));
  const expires = started + seconds * 1000 - MARGIN;
  return { token, expires, ...(identityToken === '' ? {} : { identityToken }) };
}

/** Throws RegistryFailure unauthorized where the token server does not take the credentials. */
export async function requestToken(
  transport: Transport,
  request: TokenRequest,
  limits: RegistryLimits,
): Promise<Token> {
  const { registry, realm } = request;
  const what = `a token for ${registry.host}`;
  const objection = transport.registries.objection(registry, realm);
  if (objection !== undefined) {
    throw new RegistryFailure('redirect_refused', `${what}: its token server is ${realm.origin}: ${objection}`);
  }
  const started = performance.now();
  const answer = await exchangeFollowing(transport, outgoingOf(request), limits.redirects, what);
  if (answer.status === 200) return parseToken(await answer.read(what, ANSWER_BYTES_MAX), what, started);
  const { status } = answer;
  const body = await answer.complaint();
  const refusal = { status, retryAfter: answer.header('retry-after'), body, host: answer.url.host };
  if (status === 400 || status === 401) {
    // 400 is how OAuth2 answers a token that is not valid (RFC 6749 section 5.2).
    const whose = request.credential === undefined ? 'credentials are needed' : 'the credentials were not accepted';
    throw new RegistryFailure('unauthorized', `${registry.host}: ${whose} (${realm.host} answered ${status})`, {
      status,
    });
  }
  throw refusalFailure(refusal, what, 'registry_invalid');
}
