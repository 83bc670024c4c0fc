/** Makes a container: its spec, its launch plan, its directory, and last its row, which makes it real. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CreateRequest, CreateResponse } from '../../shared/api/container.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { ContainerRow, Documents } from '../registry/containers.ts';
import { isFull } from '../registry/reserve.ts';
import type { MountSource, RootSource } from '../runtime/plan/target.ts';
import { stringifyJson } from '../runtime/spec/json.ts';
import type { IdMapping, Spec } from '../runtime/spec/types.ts';
import { signalName } from '../../shared/signals.ts';
import { Container } from './container.ts';
import type { Context } from './context.ts';
import { recordEndpoints, takeEndpoints } from './endpoints/prepare.ts';
import { untilLeft } from './endpoints/left-addresses.ts';
import { EngineError } from './errors.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { healthcheckInForce } from './health/in-force.ts';
import { signalOf } from './kill.ts';
import { type Launchable, tryPlan } from './launch-plan.ts';
import { advanceTo } from './lifecycle.ts';
import { normalLimits } from './limits.ts';
import { logOptions } from './log-options.ts';
import { chooseName } from './names.ts';
import { type WantedVolume, giveUpVolumes, recordMounts, volumesFor } from './mounts/record.ts';
import { giveBack } from './networks/addresses.ts';
import { type Prepared, prepareCreate } from './prepare-create.ts';
import { removeFiles } from './removed-files.ts';
import { withoutSecrets } from './secrets/secrets.ts';
import { namedByRequest } from './spec-error.ts';
import { checkName } from './rename.ts';
import { restartPolicy } from './restart-policy/of-request.ts';
import { DEFAULT_STOP_SIGNAL, DEFAULT_STOP_TIMEOUT } from './settings.ts';

/** @param docker - the body of the Docker Engine API's create as JSON, to be shown to its clients again */
export async function create(
  context: Context,
  request: CreateRequest,
  docker: string | null = null,
): Promise<CreateResponse> {
  const id = randomBytes(32).toString('hex');
  if (request.name !== undefined) {
    checkName(request.name);
    context.containers.checkName(request.name);
  }
  const restart = restartPolicy(request.restart, request.autoRemove === true);
  const prepared = await prepareCreate(context, request, id);
  const health = healthcheckInForce(request.healthcheck, prepared.image?.config.run.healthcheck);
  // only now: between the choice and its use others may not come
  const name = request.name ?? chooseName((taken) => context.containers.hasName(taken), id);
  const container = new Container({ ...rowOf(prepared, id, name), restart, healthcheck: health.healthcheck });
  context.containers.add(container);
  try {
    await container.turn.run(async () => {
      await untilLeft(context, prepared.network.wishes);
      make(context, container, { request, docker }, prepared);
    });
  } catch (error) {
    context.containers.delete(container);
    context.plans.drop(id);
    await removeFiles(context.trees, context.places.container(id));
    throw error;
  }
  return { id, name, warnings: [...prepared.warnings, ...health.warnings] };
}

/** The directory before the row: one without a row is swept at the next start. */
function make(
  context: Context,
  container: Container,
  { request, docker }: { readonly request: CreateRequest; readonly docker: string | null },
  prepared: Prepared,
): void {
  const { id, row } = container;
  const { spec, made, bundle, network, image } = prepared;
  const plan = triedPlan(context, id, request, { spec, root: made, bundle, network: network.networking });
  makeDirectory(context, id, made, spec);
  const documents: Documents = {
    request: stringifyJson(withoutSecrets(request)),
    spec: stringifyJson(spec),
    root: JSON.stringify(made),
    bundle,
    docker,
  };
  const status = advanceTo(row.status, 'created', row.name);
  const taken = takeEndpoints(context, id, network.wishes);
  // its first event tells of it
  if (image !== undefined) container.image = { name: image.asked, id: image.manifest.config };
  let volumes: readonly WantedVolume[] = [];
  try {
    volumes = volumesFor(context, prepared.mounts.volumes);
    context.journal.commit(
      (registry) => {
        registry.containers.insert({ ...row, status }, documents);
        recordEndpoints(registry, taken);
        recordMounts(registry, id, { root: image, images: prepared.mounts.images, volumes });
      },
      ...volumes
        .filter(({ isNew }) => isNew)
        .map((volume) => ({ action: 'volume_create' as const, volume: volume.row })),
      { action: 'create', container: row },
    );
  } catch (error) {
    giveBack(context.networks, taken.leases);
    giveUpVolumes(context, volumes);
    throw error;
  }
  context.registry.reserve.take();
  container.change({ status });
  container.endpoints = taken.rows;
  container.volumes = volumes.map(({ row: { name }, destination }) => ({ name, destination }));
  if (plan !== undefined) context.plans.keep(id, plan);
}

function triedPlan(context: Context, id: string, { bundle, oci }: CreateRequest, launchable: Launchable) {
  try {
    return tryPlan(context, id, launchable);
  } catch (error) {
    throw bundle === undefined ? namedByRequest(error, oci) : error;
  }
}

function makeDirectory(context: Context, id: string, made: MadeOf, spec: Spec): void {
  const { places } = context;
  try {
    mkdirSync(places.container(id), { mode: 0o700 });
    if (made.kind === 'overlay-disk') makeMappedLayers(spec, made);
    const overlays = [...(made.kind === 'bind' ? [] : [made.lower]), ...(made.sources ?? []).map(lowerOf)];
    if (overlays.some((lower) => lower.includes(places.emptyLower(id))))
      mkdirSync(places.emptyLower(id), { mode: 0o755 });
    for (const source of made.sources ?? []) {
      if (source.kind !== 'layers' || source.writable === undefined) continue;
      mkdirSync(dirname(source.writable.upper), { mode: 0o700 });
      makeLayers(source.lower, source.writable, rootOf(spec) ?? { uid: 0, gid: 0 });
    }
  } catch (error) {
    if (!isFull(error)) throw error;
    throw new EngineError('disk_full', `${context.places.containers}: no space left for the container`, {
      cause: error,
    });
  }
}

function lowerOf(source: MountSource): readonly string[] {
  return source.kind === 'layers' ? source.lower : [];
}

/**
 * The upper and work directories are init's to make, like the lower root's. In a user namespace init is not root
 * of the host and could not: they are made for it, owned by whom its root is mapped to.
 */
function makeMappedLayers(spec: Spec, source: Extract<RootSource, { kind: 'overlay-disk' }>): void {
  const owner = rootOf(spec);
  if (owner !== undefined) makeLayers(source.lower, source, owner);
}

/** Whom root of the container's user namespace is mapped to; undefined where it has none. */
function rootOf({ linux }: Spec): { uid: number; gid: number } | undefined {
  const owner = (mappings: readonly IdMapping[] | undefined): number | undefined => {
    const zero = mappings?.find(({ containerID }) => Number(containerID) === 0);
    return zero === undefined ? undefined : Number(zero.hostID);
  };
  const [uid, gid] = [owner(linux?.uidMappings), owner(linux?.gidMappings)];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function makeLayers(
  [lower]: readonly string[],
  { upper, work }: { readonly upper: string; readonly work: string },
  { uid, gid }: { readonly uid: number; readonly gid: number },
): void {
  for (const [path, mode] of [
    [upper, lower === undefined ? 0o755 : statSync(lower).mode & 0o7777],
    [work, 0o700],
  ] as const) {
    mkdirSync(path);
    chmodSync(path, mode);
    chownSync(path, uid, gid);
  }
}

function rowOf(prepared: Prepared, id: string, name: string): ContainerRow {
  const { spec, request } = prepared;
  return {
    id,
    name,
    status: 'creating',
    intent: null,
    rootfs: prepared.rootfs,
    command: spec.process?.args ?? [],
    labels: request.labels ?? {},
    limits: normalLimits(request.limits ?? {}),
    tty: spec.process?.terminal === true,
    stdin: request.stdin === true,
    autoRemove: request.autoRemove === true,
    stopSignal: signalName(signalOf(request.stopSignal ?? DEFAULT_STOP_SIGNAL, 'stopSignal')),
    stopTimeout: request.stopTimeout ?? DEFAULT_STOP_TIMEOUT,
    ...logOptions(request.log),
    createdAt: nowTimestamp(),
    startedAt: null,
    pid: null,
    processStarted: null,
    bootId: null,
    exit: null,
    failure: null,
    poststop: null,
    network: prepared.network.networking,
    restart: { name: 'no' },
    restartCount: 0,
    stoppedByUser: false,
    healthcheck: null,
    health: null,
    cgroupParent: prepared.cgroupParent,
  };
}
