/**
 * Programs that keep credentials for Docker's tools: docker-credential-NAME, whose protocol is one verb as argument, text
 * on stdin and JSON on stdout (https://github.com/docker/docker-credential-helpers). They run as the user, here and not in
 * the daemon, for they ask for the user's keyring.
 */
import { CliError, errnoOf, messageOf } from '../errors.ts';
import type { AuthConfig } from './auth-config.ts';

/** What a helper puts in place of a user's name for an identity token. */
const TOKEN_USER = '<token>';
const ANSWER_MAX = 1024 * 1024;

/** undefined where it has none. Throws CliError. */
export async function helperGet(helper: string, server: string): Promise<AuthConfig | undefined> {
  const answer = await ask(helper, 'get', server);
  if (answer === undefined) return undefined;
  const { Username: username, Secret: secret } = parse(helper, answer);
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  return username === TOKEN_USER ? { identitytoken: secret } : { username, password: secret };
}

export async function helperStore(helper: string, server: string, auth: AuthConfig): Promise<void> {
  const secret = auth.identitytoken ?? auth.password ?? '';
  const username = auth.identitytoken === undefined ? (auth.username ?? '') : TOKEN_USER;
  await ask(helper, 'store', JSON.stringify({ ServerURL: server, Username: username, Secret: secret }));
}

/** One that has nothing to forget is content. */
export async function helperErase(helper: string, server: string): Promise<void> {
  await ask(helper, 'erase', server);
}

/** stdout, or undefined where the helper says that it knows nothing of the server. */
async function ask(helper: string, verb: 'get' | 'store' | 'erase', input: string): Promise<string | undefined> {
  // A name with a slash would be any program.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(helper))
    throw new CliError(`"${helper}" is not the name of a credential helper`);
  const program = `docker-credential-${helper}`;
  const { code, output } = await execute(program, verb, input);
  if (code === 0) return output;
  const said = output.trim();
  if (/credentials not found|no credentials/i.test(said)) return undefined;
  throw new CliError(`${program} ${verb} failed${said === '' ? ` with ${String(code)}` : `: ${said.slice(0, 200)}`}`);
}

function execute(program: string, verb: string, input: string): Promise<{ code: number; output: string }> {
  // Loaded here: most commands start without a helper.
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    let length = 0;
    child.on('error', (error) => {
      const why = errnoOf(error) === 'ENOENT' ? 'it is not installed' : messageOf(error);
      reject(new CliError(`cannot run the credential helper ${program}: ${why}`, { cause: error }));
    });
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > ANSWER_MAX) child.kill();
      else chunks.push(chunk);
    });
    // One that does not read what it is given says why by its exit code.
    child.stdin.on('error', () => undefined);
    child.on('close', (code) => {
      resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString('utf8') });
    });
    child.stdin.end(input);
  });
}

function parse(helper: string, answer: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(answer);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // What it said may hold a secret, so nothing of it is shown.
  }
  throw new CliError(`docker-credential-${helper} answered something else than credentials`);
}
