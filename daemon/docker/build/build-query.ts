/** What `POST /build` of the Docker Engine API asks for, in the words of the native one. */
import type { BuildQuery } from '../../../shared/api/build.ts';
import { DockerError } from '../error.ts';
import { platformOf } from '../images/names.ts';
import type { DockerQuery } from '../query.ts';

const NO_BUILDKIT = 'BuildKit is not supported by this daemon: build with DOCKER_BUILDKIT=0';

/** Throws DockerError 400, also for what is there in Docker and not here. */
export function buildQueryOf(query: DockerQuery): BuildQuery {
  refuse(query);
  const text = (name: string): string | undefined => {
    const value = query.text(name);
    return value === '' ? undefined : value;
  };
  // the CLI sends 0 for what was not asked for
  const number = (name: string): number | undefined => {
    const value = query.integer(name);
    return value === 0 ? undefined : value;
  };
  const swap = number('memswap');
  const all = {
    dockerfile: text('dockerfile'),
    tag: query.all('t').filter((tag) => tag !== ''),
    target: text('target'),
    buildArg: pairsOf(query, 'buildargs'),
    label: pairsOf(query, 'labels'),
    noCache: query.flag('nocache'),
    pull: query.flag('pull'),
    platform: platformOf(text('platform')),
    network: text('networkmode'),
    memory: number('memory'),
    memorySwap: swap === -1 ? ('-1' as const) : swap,
    cpuShares: number('cpushares'),
    cpuPeriod: number('cpuperiod'),
    cpuQuota: number('cpuquota'),
    cpuset: text('cpusetcpus'),
    cpusetMems: text('cpusetmems'),
    shmSize: number('shmsize'),
    extraHost: query.all('extrahosts').filter((host) => host !== ''),
    cacheFrom: listOf(query, 'cachefrom'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** `rm` and `forcerm` mean nothing: a build leaves no containers, as BuildKit's do not; docker-py says rm=0 unasked. */
function refuse(query: DockerQuery): void {
  if (query.text('version') === '2') throw new DockerError(400, NO_BUILDKIT);
  if ((query.text('remote') ?? '') !== '') {
    throw new DockerError(400, 'remote: contexts are not fetched from elsewhere; send them as a tar archive');
  }
  if (query.flag('squash')) throw new DockerError(400, 'squash: layers are not made into one');
  for (const name of ['cgroupparent', 'securityopt', 'outputs', 'isolation', 'ulimits']) {
    const empty = ['', 'null', '[]', ...(name === 'isolation' ? ['default'] : [])];
    if (query.all(name).some((value) => !empty.includes(value))) {
      throw new DockerError(400, `${name}: containers of a build are as others are`);
    }
  }
}

/** JSON {"NAME": "value"}; null: it has none, and says nothing. */
function pairsOf(query: DockerQuery, name: string): string[] {
  const value = jsonOf(query, name);
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed(name);
  return Object.entries(value).flatMap(([key, text]: [string, unknown]) => {
    if (text === null) return [];
    if (typeof text !== 'string' || key === '' || key.includes('=') || `${key}${text}`.includes('\0')) throw malformed(name);
    return [`${key}=${text}`];
  });
}

function listOf(query: DockerQuery, name: string): string[] {
  const value = jsonOf(query, name);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw malformed(name);
  return value;
}

function jsonOf(query: DockerQuery, name: string): unknown {
  const text = query.text(name);
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(name, error);
  }
}

function malformed(name: string, cause?: unknown): DockerError {
  return new DockerError(400, `error reading ${name}: it is not JSON of the expected form`, { cause });
}
