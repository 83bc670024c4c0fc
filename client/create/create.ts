/** Creates a container for `run` and `create`; an image that is not here is pulled first. */
import { unlinkSync, writeFileSync } from 'node:fs';
import type { CreateRequest, CreateResponse } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';
import type { Context } from '../command.ts';
import { CliError, ProblemError, UsageError, messageOf } from '../errors.ts';
import { withFlag } from './field-flags.ts';
import { PULL_POLICIES } from './flags.ts';

/** Creates, writes --cidfile and tells the daemon's warnings. */
export async function createContainer(
  input: Arguments,
  context: Context,
  request: CreateRequest,
): Promise<CreateResponse> {
  const cidfile = input.string('cidfile');
  if (cidfile !== undefined) reserve(cidfile);
  let created: CreateResponse;
  try {
    created = await createPulling(input, context, request);
  } catch (error) {
    if (cidfile !== undefined) unlinkSync(cidfile);
    throw withFlag(error);
  }
  if (cidfile !== undefined) writeFileSync(cidfile, created.id);
  for (const warning of created.warnings) process.stderr.write(`tare: warning: ${warning}\n`);
  return created;
}

/** An existing file is some other container's. */
function reserve(cidfile: string): void {
  try {
    writeFileSync(cidfile, '', { flag: 'wx' });
  } catch (error) {
    throw new CliError(`cannot make the file for the container's id: ${messageOf(error)}`, { cause: error });
  }
}

/** Asks for the container first: an image that is here costs no further request. */
async function createPulling(input: Arguments, context: Context, request: CreateRequest): Promise<CreateResponse> {
  const policy = policyOf(input);
  const pulled = new Set<string>();
  const pull = async (image: string): Promise<void> => {
    pulled.add(image);
    // Loaded here: containers of what is here start without it.
    const { pullForRun } = await import('../commands/pull.ts');
    await pullForRun(image, input, context);
  };
  if (policy === 'always' && request.image !== undefined) await pull(request.image);
  for (;;) {
    try {
      return await context.daemon.post<CreateResponse>('/containers', request);
    } catch (error) {
      const absent = absentImage(error, request);
      if (absent === undefined || policy === 'never' || pulled.has(absent) || isId(absent)) throw error;
      if (!input.boolean('quiet')) process.stderr.write(`${(error as ProblemError).message}: pulling it\n`);
      await pull(absent);
    }
  }
}

function policyOf(input: Arguments): (typeof PULL_POLICIES)[number] {
  const asked = input.string('pull') ?? 'missing';
  const policy = PULL_POLICIES.find((name) => name === asked);
  if (policy !== undefined) return policy;
  throw new UsageError(`--pull "${asked}" is not supported`, { hint: `there are ${PULL_POLICIES.join(', ')}` });
}

/** The image that the daemon misses: the container's own, or one that is to be mounted. */
function absentImage(error: unknown, request: CreateRequest): string | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  const { code, field } = error.problem;
  if (code !== 'image_not_found' && code !== 'no_such_platform') return undefined;
  const place = /^mounts\[(\d+)\]/.exec(field ?? '')?.[1];
  return place === undefined ? request.image : request.mounts?.[Number(place)]?.source;
}

/** What is given by its id can be fetched from nowhere. */
function isId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image);
}
