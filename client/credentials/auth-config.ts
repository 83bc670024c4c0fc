/** Credentials for a registry as Docker's tools write them: in config.json, and in the header X-Registry-Auth. */

export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  /** A refresh token that a registry gave in place of the password. */
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** An entry of `auths`; undefined where it says nothing. */
export function authOfEntry(entry: unknown): AuthConfig | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const fields = entry as Record<string, unknown>;
  const text = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const pair = Buffer.from(text('auth') ?? '', 'base64')
    .toString('utf8')
    .replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  const username = text('username') ?? (colon > 0 ? pair.slice(0, colon) : undefined);
  const password = text('password') ?? (colon > 0 && colon < pair.length - 1 ? pair.slice(colon + 1) : undefined);
  const identitytoken = text('identitytoken');
  const registrytoken = text('registrytoken');
  const auth = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(identitytoken === undefined ? {} : { identitytoken }),
    ...(registrytoken === undefined ? {} : { registrytoken }),
  };
  return (password ?? identitytoken ?? registrytoken) ? auth : undefined;
}

export function entryOfAuth({ username = '', password = '', identitytoken }: AuthConfig): Record<string, string> {
  return {
    auth: Buffer.from(`${username}:${identitytoken === undefined ? password : ''}`).toString('base64'),
    ...(identitytoken === undefined ? {} : { identitytoken }),
  };
}

/** Lines for a request's head. */
export function authHeaders(auth: AuthConfig | undefined): readonly string[] {
  return auth === undefined ? [] : [`X-Registry-Auth: ${Buffer.from(JSON.stringify(auth)).toString('base64url')}`];
}
