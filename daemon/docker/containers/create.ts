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

/** A platform may be given by one of these alone. */
const PLATFORM_WORDS: ReadonlySet<string> = new Set([
  ...['linux', 'windows', 'darwin', 'freebsd', 'amd64', 'x86_64', 'x86-64', '386', 'i386', 'arm', 'armhf', 'armel'],
  ...['arm64', 'aarch64', 'ppc64le', 's390x', 'riscv64', 'mips64', 'mips64le', 'loong64'],
]);

export const createContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/create',
  async handle({ engine }, call) {
    const body = readCreateBody(call.body);
    const platform = platformOf(call.query.text('platform'));
    const asked = { body, name: call.query.text('name'), platform, version: call.version };
    const { request, warnings } = createRequest(asked, knowsOf(engine));
    const document = await documentOf(engine, body, request);
    const { id, warnings: more } = await create(engine, request, document);
    return { status: 201, json: { Id: id, Warnings: [...warnings, ...more] } };
  },
});

/** Throws DockerError 400 for a word that is neither a system nor an architecture. */
function platformOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '' || text.includes('/') || PLATFORM_WORDS.has(text.toLowerCase())) return text;
  throw new DockerError(400, `"${plain(text)}": unknown operating system or architecture: invalid argument`);
}

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
