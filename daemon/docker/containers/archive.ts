/** `HEAD`, `GET` and `PUT /containers/{id}/archive`: what is at a path, its archive, and an archive into a directory. */
import type { ContainerDetail, CreateRequest } from '../../../shared/api/container.ts';
import type { PathStat } from '../../../shared/api/files.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError, type ErrorTexts } from '../error.ts';
import { goFileMode } from '../file-mode.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { goTime } from '../time.ts';
import { inWords } from './words.ts';

const path = '/containers/:id/archive';
const STAT_HEADER = 'X-Docker-Container-Path-Stat';

export const statPath: DockerRoute = dockerRoute({
  method: 'HEAD',
  path,
  resource: 'container',
  async handle({ engine }, call) {
    const asked = pathOf(call);
    const stat = await read(call, asked, () =>
      inWords(engine, call.id, {}, () => engine.statPath(call.id, { path: asked }, call.signal)),
    );
    return { status: 200, headers: { [STAT_HEADER]: statText(stat) } };
  },
});

export const readArchive: DockerRoute = dockerRoute({
  method: 'GET',
  path,
  resource: 'container',
  async handle({ engine }, call) {
    const asked = pathOf(call);
    const download = await read(call, asked, () =>
      inWords(engine, call.id, {}, () => engine.readArchive(call.id, { path: asked }, call.signal)),
    );
    const headers = download.stat === undefined ? {} : { [STAT_HEADER]: statText(download.stat) };
    return { status: 200, headers, contentType: 'application/x-tar', download };
  },
});

export const extractArchive: DockerRoute = dockerRoute({
  method: 'PUT',
  path,
  resource: 'container',
  upload: true,
  async handle({ engine }, call) {
    const asked = pathOf(call);
    const { query } = call;
    const options = {
      path: asked,
      overwriteKinds: !query.flag('noOverwriteDirNonDir'),
      keepOwners: query.flag('copyUIDGID'),
    };
    const what = isReadOnly(engine.inspect(call.id)) ? 'container rootfs' : 'mounted volume';
    const texts: ErrorTexts = {
      ...EXTRACT_TEXTS,
      path_read_only: (cause) => new DockerError(403, `${what} is marked read-only`, { cause }),
    };
    await told(texts, call, asked, () =>
      inWords(engine, call.id, {}, () => engine.extractArchive(call.id, options, call.upload, call.signal)),
    );
    return { status: 200 };
  },
});

/** Throws DockerError 400. */
function pathOf({ query }: DockerCall): string {
  const asked = query.text('path') ?? '';
  // as dockerd has it, letter by letter
  if (asked === '') throw new DockerError(400, 'bad parameter: pathcannot be empty');
  if (asked.length > 4095) throw new DockerError(400, 'bad parameter: path is longer than 4095 characters');
  return asked;
}

const READ_TEXTS: ErrorTexts = {
  not_a_directory: (error) => new DockerError(400, error.message, { cause: error }),
};

const EXTRACT_TEXTS: ErrorTexts = {
  not_a_directory: () => new DockerError(400, 'extraction point is not a directory'),
  archive_invalid: (error) => new DockerError(400, `Error processing tar file: ${error.message}`, { cause: error }),
  layer_invalid: (error) => new DockerError(400, `Error processing tar file: ${error.message}`, { cause: error }),
};

function isReadOnly({ request }: ContainerDetail): boolean {
  const { security } = (request ?? {}) as Pick<CreateRequest, 'security'>;
  return security?.readonlyRootfs === true;
}

function read<T>(call: DockerCall, asked: string, work: () => Promise<T>): Promise<T> {
  return told(READ_TEXTS, call, asked, work);
}

async function told<T>(texts: ErrorTexts, call: DockerCall, asked: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === 'path_not_found') {
      throw new DockerError(404, `Could not find the file ${asked} in container ${call.id}`, { cause: error });
    }
    throw texts[error.code]?.(error, call.id) ?? error;
  }
}

/** In the order in which dockerd has them. */
function statText(stat: PathStat): string {
  const { name, size, modifiedAt, linkTarget = '' } = stat;
  const told = { name, size, mode: goFileMode(stat), mtime: goTime(modifiedAt), linkTarget };
  return Buffer.from(JSON.stringify(told)).toString('base64');
}
