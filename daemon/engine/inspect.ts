/** Everything there is to say about a container. */
import type { ContainerDetail, CreateRequest } from '../../shared/api/container.ts';
import { parseJson } from '../../shared/json.ts';
import { cgroupOf } from './cgroup-parent.ts';
import type { Context } from './context.ts';
import type { Container } from './container.ts';
import { exposedPorts } from './endpoints/exposed.ts';
import { endpointsShown } from './endpoints/view.ts';
import { EngineError } from './errors.ts';
import { containerFilePaths } from '../network/container-files.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { mountPoints } from './mounts/mount-points.ts';
import { summaryOf, waitsForRestart } from './list.ts';
import type { Documents } from '../registry/containers.ts';

export function inspect(context: Context, ref: string): ContainerDetail {
  const container = context.containers.find(ref);
  const { row, id } = container;
  const documents = documentsOf(context, container);
  const made = JSON.parse(documents.root) as MadeOf;
  const request = parseJson(documents.request) as CreateRequest;
  return {
    ...summaryOf(context, container),
    request,
    spec: parseJson(documents.spec),
    limits: row.limits,
    tty: row.tty,
    stdin: row.stdin,
    autoRemove: row.autoRemove,
    stopSignal: row.stopSignal,
    stopTimeout: row.stopTimeout,
    logPath: context.places.log(id, row.logDriver),
    cgroup: cgroupOf(context, id),
    execs: context.registry.execs.idsOf(id),
    volumes: container.volumes.map((volume) => ({ ...volume })),
    mounts: mountPoints(context, container, request),
    exposedPorts: exposedPorts(request, made.image?.exposedPorts),
    ...(row.healthcheck === null ? {} : { healthcheck: row.healthcheck }),
    ...(row.health === null ? {} : { healthState: row.health }),
    restart: row.restart,
    // the one that it waits for is counted, as Docker does
    restartCount: row.restartCount + (waitsForRestart(container) && row.intent === null ? 1 : 0),
    logDriver: row.logDriver,
    networkMode: row.network.mode,
    ...(row.network.files === undefined ? {} : { nameFiles: containerFilePaths(context.places.names(id)) }),
    endpoints: endpointsShown(context, container),
    ...(row.failure === null ? {} : { failure: row.failure }),
  };
}

/** What a client of the Docker Engine API asked for, as it came; undefined for containers of other clients. */
export function dockerRequest(context: Context, ref: string): unknown {
  const { docker } = documentsOf(context, context.containers.find(ref));
  return docker === null ? undefined : parseJson(docker);
}

/** The documents of a container whose row is committed; `container_busy` before. */
export function documentsOf(context: Context, container: Container): Documents {
  const documents = context.registry.containers.documents(container.id);
  if (documents !== undefined) return documents;
  throw new EngineError('container_busy', `container ${container.name} is being created`);
}
