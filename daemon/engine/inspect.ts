/** Everything there is to say about a container. */
import type { ContainerDetail } from '../../shared/api/container.ts';
import { parseJson } from '../../shared/json.ts';
import type { Context } from './context.ts';
import type { Container } from './container.ts';
import { endpointsShown } from './endpoints/view.ts';
import { EngineError } from './errors.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { summaryOf } from './list.ts';
import type { Healthcheck } from '../images/manifest/image-config.ts';
import type { Documents } from '../registry/containers.ts';

export function inspect(context: Context, ref: string): ContainerDetail {
  const container = context.containers.find(ref);
  const { row, id } = container;
  const documents = documentsOf(context, container);
  const made = JSON.parse(documents.root) as MadeOf;
  return {
    ...summaryOf(context, container),
    request: parseJson(documents.request),
    spec: parseJson(documents.spec),
    limits: row.limits,
    tty: row.tty,
    stdin: row.stdin,
    autoRemove: row.autoRemove,
    stopSignal: row.stopSignal,
    stopTimeout: row.stopTimeout,
    logPath: context.places.log(id),
    cgroup: context.places.cgroup(id),
    execs: context.registry.execs.idsOf(id),
    volumes: container.volumes.map((volume) => ({ ...volume })),
    exposedPorts: [...(made.image?.exposedPorts ?? [])],
    ...(made.image?.healthcheck === undefined ? {} : { healthcheck: healthcheckShown(made.image.healthcheck) }),
    ...(row.health === null ? {} : { healthState: row.health }),
    restart: row.restart,
    restartCount: row.restartCount,
    logDriver: row.logDriver,
    networkMode: row.network.mode,
    endpoints: endpointsShown(context, container),
    ...(row.failure === null ? {} : { failure: row.failure }),
  };
}

/** What a client of the Docker Engine API asked for, as it came; undefined for containers of other clients. */
export function dockerRequest(context: Context, ref: string): unknown {
  const { docker } = documentsOf(context, context.containers.find(ref));
  return docker === null ? undefined : parseJson(docker);
}

function healthcheckShown({ test, ...rest }: Healthcheck): NonNullable<ContainerDetail['healthcheck']> {
  return { ...rest, ...(test === undefined ? {} : { test: [...test] }) };
}

/** The documents of a container whose row is committed; `container_busy` before. */
export function documentsOf(context: Context, container: Container): Documents {
  const documents = context.registry.containers.documents(container.id);
  if (documents !== undefined) return documents;
  throw new EngineError('container_busy', `container ${container.name} is being created`);
}
