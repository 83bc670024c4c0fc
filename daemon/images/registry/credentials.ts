/** Who asks. The daemon keeps none of these: a client sends them with its request, and they live as long as that. */
import { Fields } from '../manifest/fields.ts';
import { ImageError } from '../errors.ts';

export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token that the token server of the registry gave at a login. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A bearer token that is shown as it is. */
  | { readonly kind: 'bearer'; readonly token: string };

/** For a registry's name ("docker.io") or a mirror's host and port; undefined: ask as anybody. */
export type CredentialSource = (name: string) => Credential | undefined;

/** What credential helpers of Docker put in place of a user's name for an identity token. */
const TOKEN_USER = '<token>';
const LENGTH_MAX = 64 * 1024;
// RFC 7617: no control characters, and no colon in the name.
const PASSWORD = /^[^\x00-\x1f\x7f]*$/;
/** RFC 6750 section 2.1, and what is otherwise seen; nothing that could end a header's line. */
const TOKEN = /^[\x21-\x7e]+$/;

export function isToken(text: string): boolean {
  return text.length <= LENGTH_MAX && TOKEN.test(text);
}

function passwordOf(username: string, password: string): Credential | undefined {
  if (username === TOKEN_USER) return isToken(password) ? { kind: 'identity', token: password } : undefined;
  const isSound = PASSWORD.test(username) && PASSWORD.test(password) && !username.includes(':');
  return isSound && username !== '' ? { kind: 'password', username, password } : undefined;
}

/**
 * Docker's AuthConfig as the header X-Registry-Auth carries it, and as entries of config.json are: base64url of JSON
 * {username, password | auth | identitytoken | registrytoken}. undefined where it says nothing (an empty header or
 * object: ask as anybody). Throws ImageError unauthorized where it is not of that form; nothing of it is in the message.
 */
export function parseCredential(header: string): Credential | undefined {
  if (header === '') return undefined;
  const refuse = (): never => {
    throw new ImageError('unauthorized', 'the credentials for the registry cannot be read');
  };
  if (header.length > LENGTH_MAX || !/^[A-Za-z0-9_+/-]+={0,2}$/.test(header)) refuse();
  let fields: Fields;
  try {
    fields = Fields.parse(Buffer.from(header, 'base64url'), 'the credentials', 'unauthorized');
  } catch {
    return refuse();
  }
  const text = (name: string): string => {
    const value = fields.raw(name);
    return value === undefined || typeof value === 'string' ? (value ?? '') : refuse();
  };
  const identity = text('identitytoken');
  if (identity !== '') return isToken(identity) ? { kind: 'identity', token: identity } : refuse();
  const bearer = text('registrytoken');
  if (bearer !== '') return isToken(bearer) ? { kind: 'bearer', token: bearer } : refuse();
  const [username, password] = [text('username'), text('password')];
  if (username !== '') return passwordOf(username, password) ?? refuse();
  const auth = text('auth');
  if (auth === '') return undefined;
  const pair = Buffer.from(auth, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? refuse() : (passwordOf(pair.slice(0, colon), pair.slice(colon + 1)) ?? refuse());
}

/** RFC 7617. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
