/** Where the user's credentials are: with a helper for the registry, with one for all, or in config.json itself. */
import { messageOf } from '../errors.ts';
import { authHeaders, authOfEntry, entryOfAuth, type AuthConfig } from './auth-config.ts';
import { ConfigFile, section, type ConfigFields } from './config-file.ts';
import { helperErase, helperGet, helperStore } from './helper.ts';
import { registryKey, registryName, registryOf } from './registry-name.ts';

/** `registry`: as registryName() gives it. Throws CliError; undefined where there are none. */
export async function findCredentials(
  registry: string,
  environment: NodeJS.ProcessEnv,
): Promise<AuthConfig | undefined> {
  const fields = new ConfigFile(environment).read();
  const helper = helperOf(fields, registry);
  if (helper !== undefined) return helperGet(helper, registryKey(registry));
  const auths = section(fields, 'auths');
  const key = keysOf(auths, registry)[0];
  return key === undefined ? undefined : authOfEntry(auths[key]);
}

/** The path of the file where they lie in plain text now, or undefined where a helper has them. */
export async function storeCredentials(
  registry: string,
  auth: AuthConfig,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const file = new ConfigFile(environment);
  const fields = file.read();
  const key = registryKey(registry);
  const helper = helperOf(fields, registry);
  if (helper !== undefined) await helperStore(helper, key, auth);
  // Docker's own tools look here for the names of registries that a helper has credentials of.
  const entry = helper === undefined ? entryOfAuth(auth) : {};
  file.write({ ...fields, auths: { ...without(fields, registry), [key]: entry } });
  return helper === undefined ? file.path : undefined;
}

/** False where there were none. */
export async function eraseCredentials(registry: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const file = new ConfigFile(environment);
  const fields = file.read();
  const helper = helperOf(fields, registry);
  const known = keysOf(section(fields, 'auths'), registry).length > 0;
  const held = helper !== undefined && (await helperGet(helper, registryKey(registry))) !== undefined;
  if (helper !== undefined && held) await helperErase(helper, registryKey(registry));
  if (known) file.write({ ...fields, auths: without(fields, registry) });
  return known || held;
}

/**
 * Head lines with the user's credentials for the registry of `image`. What cannot be read is told, and the registry is
 * asked as anybody: many images need no credentials.
 */
export async function registryHeaders(image: string, environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
  try {
    return authHeaders(await findCredentials(registryOf(image), environment));
  } catch (error) {
    process.stderr.write(`tare: warning: ${messageOf(error)}; going on without credentials\n`);
    return [];
  }
}

/**
 * Head lines with all that the user has for registries: a build may have need of images of any of them. As docker has it,
 * by the keys of config.json. What cannot be read is told, and left out.
 */
export async function registryConfigHeaders(environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const auths: Record<string, AuthConfig> = {};
  try {
    const fields = new ConfigFile(environment).read();
    const keys = [...Object.keys(section(fields, 'auths')), ...Object.keys(section(fields, 'credHelpers'))];
    for (const registry of new Set(keys.map(registryName))) {
      const auth = await findCredentials(registry, environment);
      if (auth !== undefined) auths[registryKey(registry)] = auth;
    }
  } catch (error) {
    process.stderr.write(`tare: warning: ${messageOf(error)}; going on without credentials\n`);
  }
  if (Object.keys(auths).length === 0) return [];
  return [`X-Registry-Config: ${Buffer.from(JSON.stringify(auths)).toString('base64url')}`];
}

function helperOf(fields: ConfigFields, registry: string): string | undefined {
  const helpers = section(fields, 'credHelpers');
  const own = keysOf(helpers, registry)
    .map((key) => helpers[key])
    .find((name) => typeof name === 'string' && name !== '');
  if (typeof own === 'string') return own;
  const { credsStore } = fields;
  return typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined;
}

/** Keys that mean the registry, the one that is written today first. */
function keysOf(entries: Readonly<Record<string, unknown>>, registry: string): readonly string[] {
  const exact = [registryKey(registry), registry].filter((key, place, all) => all.indexOf(key) === place);
  const others = Object.keys(entries).filter((key) => !exact.includes(key) && means(key, registry));
  return [...exact.filter((key) => Object.hasOwn(entries, key)), ...others];
}

function means(key: string, registry: string): boolean {
  return key !== '' && registryName(key) === registry;
}

function without(fields: ConfigFields, registry: string): Record<string, unknown> {
  const auths = section(fields, 'auths');
  const gone = new Set(keysOf(auths, registry));
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !gone.has(key)));
}
