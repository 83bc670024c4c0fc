/** `POST /containers/create` */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CreateRequest, CreateResponse, Mount } from '../../../shared/api/container.ts';
import { stringifyJson } from '../../../shared/json.ts';
import type { Engine } from '../../api/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { createWords, imageWords } from './create-words.ts';
import { findContainer } from './find.ts';
import { readCreateBody, type CreateBody } from './translate/create-body.ts';
import { createRequest } from './translate/create-request.ts';
import type { Knows } from './translate/host.ts';
import { withImage } from './translate/merge-config.ts';
import { plain } from './translate/refuse.ts';

export const createContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/create',
  async handle({ engine }, call) {
    const body = readCreateBody(call.body);
    const platform = call.query.text('platform');
    const asked = { body, name: call.query.text('name'), platform, version: call.version };
    const { request, warnings } = createRequest(asked, knowsOf(engine));
    const document = await documentOf(engine, body, request);
    const { id, warnings: more } = await create(engine, request, document);
    return { status: 201, json: { Id: id, Warnings: [...warnings, ...more] } };
  },
});

/** What is shown to clients of Docker: what was asked for, with the image's part in it. */
async function documentOf(engine: Engine, body: CreateBody, { image = '', platform }: CreateRequest): Promise<string> {
  try {
    const { run } = await engine.imageConfig(image, platform);
    return stringifyJson(withImage(body, run));
  } catch (error) {
    throw imageWords(error, image, platform);
  }
}

async function create(engine: Engine, request: CreateRequest, document: string): Promise<CreateResponse> {
  try {
    return await engine.create(request, document);
  } catch (error) {
    throw createWords(engine, request, error);
  }
}

function knowsOf(engine: Engine): Knows {
  const found = <T>(ref: string, look: () => T): T => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new DockerError(400, `No such container: ${plain(ref)}`, { cause: error });
    }
  };
  return {
    host: () => engine.info(),
    exists: (path) => existsSync(path),
    devicesBelow,
    mountsOf: (ref) => found(ref, () => sharedMounts(engine, ref)),
    container: (ref) => found(ref, () => findContainer(engine, ref)),
  };
}

const DEVICES_MAX = 1024;

/** As dockerd finds them: all below, but for the terminals of others and what is no device. */
function devicesBelow(path: string): string[] | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const found: string[] = [];
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const isDevice = entry.isCharacterDevice() || entry.isBlockDevice();
    if (!isDevice || /\/(pts|shm|fd|mqueue)(\/|$)/.test(entry.parentPath)) continue;
    found.push(join(entry.parentPath, entry.name));
    if (found.length > DEVICES_MAX)
      throw new DockerError(400, `more than ${String(DEVICES_MAX)} devices are below ${plain(path)}`);
  }
  return found;
}

/** What one container lends another: binds, volumes and images, but not what is its alone. */
function sharedMounts(engine: Engine, ref: string): Mount[] {
  return engine.inspect(ref).mounts.flatMap(({ type, name, source, destination, readonly, propagation }): Mount[] => {
    const access = { target: destination, ...(readonly ? { readonly } : {}) };
    if (type === 'volume') return [{ type, source: name ?? source, ...access, noCopy: true }];
    if (type === 'image') return [{ type, source, target: destination, readonly }];
    if (type === 'tmpfs') return [];
    return [
      {
        type,
        source,
        ...access,
        ...(propagation === undefined ? {} : { propagation: propagation as NonNullable<Mount['propagation']> }),
      },
    ];
  });
}
