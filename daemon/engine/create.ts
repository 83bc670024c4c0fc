/** Makes a container: its spec, its launch plan, its directory, and last its row, which makes it real. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import type { CreateRequest, CreateResponse } from '../../shared/api/container.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { ContainerRow, Documents } from '../registry/containers.ts';
import { isFull } from '../registry/reserve.ts';
import type { RootSource } from '../runtime/plan/target.ts';
import { stringifyJson } from '../runtime/spec/json.ts';
import type { IdMapping, Spec } from '../runtime/spec/types.ts';
import { signalName } from '../../shared/signals.ts';
import { readBundle } from './bundle.ts';
import { Container } from './container.ts';
import type { Context } from './context.ts';
import {
  type PreparedNetwork,
  prepareBundleNetwork,
  prepareNetwork,
  recordEndpoints,
  takeEndpoints,
} from './endpoints/prepare.ts';
import { untilLeft } from './endpoints/left-addresses.ts';
import { EngineError } from './errors.ts';
import { signalOf } from './kill.ts';
import { tryPlan } from './launch-plan.ts';
import { advanceTo } from './lifecycle.ts';
import { bytesOf, normalLimits } from './limits.ts';
import { chooseName } from './names.ts';
import { giveBack } from './networks/addresses.ts';
import { removeFiles } from './remove.ts';
import { checkName } from './rename.ts';
import { chooseRoot } from './root-source.ts';
import { DEFAULT_LOG_MAX_BYTES, DEFAULT_LOG_MAX_FILES, DEFAULT_STOP_SIGNAL, DEFAULT_STOP_TIMEOUT } from './settings.ts';
import { specOfRequest } from './spec-of-request.ts';

interface Prepared {
  readonly spec: Spec;
  readonly rootfs: string;
  readonly source: RootSource;
  readonly bundle: string;
  readonly network: PreparedNetwork;
  readonly warnings: readonly string[];
}

export async function create(context: Context, request: CreateRequest): Promise<CreateResponse> {
  const id = randomBytes(32).toString('hex');
  if (request.name !== undefined) checkName(request.name);
  const name = request.name ?? chooseName((taken) => context.containers.hasName(taken), id);
  context.containers.checkName(name);
  const prepared = prepare(context, request, id);
  const container = new Container(rowOf(request, prepared, id, name));
  context.containers.add(container);
  try {
    await container.turn.run(async () => {
      await untilLeft(context, prepared.network.wishes);
      make(context, container, request, prepared);
    });
  } catch (error) {
    context.containers.delete(container);
    context.plans.drop(id);
    await removeFiles(context.places.container(id));
    throw error;
  }
  return { id, name, warnings: [...prepared.warnings] };
}

function prepare(context: Context, request: CreateRequest, id: string): Prepared {
  const { rootfs, bundle } = request;
  if (bundle !== undefined) {
    if (rootfs !== undefined) throw invalid('bundle', 'either rootfs or bundle can be given, not both');
    const read = readBundle({ ...request, bundle });
    const source: RootSource = { kind: 'bind', source: read.rootfs };
    const root = { path: read.rootfs, isFixed: read.spec.root?.readonly === true };
    const network = prepareBundleNetwork({ context, request, id, root }, read.spec);
    const warnings = [...read.warnings, ...network.warnings];
    return { spec: network.spec, rootfs: read.rootfs, source, bundle: read.directory, network, warnings };
  }
  if (rootfs === undefined) throw invalid('rootfs', 'is missing: a directory with a root file system, or bundle');
  const chosen = chooseRoot({ ...request, rootfs }, id, context.places);
  const { directory, readonly, source } = chosen;
  const root = { path: directory, isFixed: source.kind === 'bind' && readonly };
  const network = prepareNetwork({ context, request, id, root }, (of) =>
    specOfRequest({ request, id, rootfs: directory, readonly, host: context.specHost, network: of }),
  );
  const warnings = [...chosen.warnings, ...network.warnings];
  return { spec: network.spec, rootfs: directory, source, bundle: directory, network, warnings };
}

/** The directory before the row: one without a row is swept at the next start. */
function make(context: Context, container: Container, request: CreateRequest, prepared: Prepared): void {
  const { id, row } = container;
  const { spec, source, bundle, network } = prepared;
  const plan = tryPlan(context, id, { spec, root: source, bundle, network: network.networking });
  makeDirectory(context, id, source, spec);
  const documents: Documents = {
    request: stringifyJson(request),
    spec: stringifyJson(spec),
    root: JSON.stringify(source),
    bundle,
  };
  const status = advanceTo(row.status, 'created', row.name);
  const taken = takeEndpoints(context, id, network.wishes);
  try {
    context.journal.commit(
      (registry) => {
        registry.containers.insert({ ...row, status }, documents);
        recordEndpoints(registry, taken);
      },
      { action: 'create', container: row },
    );
  } catch (error) {
    giveBack(context.networks, taken.leases);
    throw error;
  }
  context.registry.reserve.take();
  container.change({ status });
  container.endpoints = taken.rows;
  if (plan !== undefined) context.plans.keep(id, plan);
}

function makeDirectory(context: Context, id: string, source: RootSource, spec: Spec): void {
  try {
    mkdirSync(context.places.container(id), { mode: 0o700 });
    if (source.kind === 'overlay-disk') makeMappedLayers(spec, source);
  } catch (error) {
    if (!isFull(error)) throw error;
    throw new EngineError('disk_full', `${context.places.containers}: no space left for the container`, {
      cause: error,
    });
  }
}

/**
 * The upper and work directories are init's to make, like the lower root's. In a user namespace init is not root
 * of the host and could not: they are made for it, owned by whom its root is mapped to.
 */
function makeMappedLayers(spec: Spec, source: Extract<RootSource, { kind: 'overlay-disk' }>): void {
  const owner = (mappings: readonly IdMapping[] | undefined): number | undefined => {
    const zero = mappings?.find(({ containerID }) => Number(containerID) === 0);
    return zero === undefined ? undefined : Number(zero.hostID);
  };
  const [uid, gid] = [owner(spec.linux?.uidMappings), owner(spec.linux?.gidMappings)];
  if (uid === undefined || gid === undefined) return;
  const lower = source.lower.at(0);
  for (const [path, mode] of [
    [source.upper, lower === undefined ? 0o755 : statSync(lower).mode & 0o7777],
    [source.work, 0o700],
  ] as const) {
    mkdirSync(path);
    chmodSync(path, mode);
    chownSync(path, uid, gid);
  }
}

function rowOf(request: CreateRequest, prepared: Prepared, id: string, name: string): ContainerRow {
  const { spec } = prepared;
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
    logMaxBytes: bytesOf(request.log?.maxSize, 'log.maxSize') ?? DEFAULT_LOG_MAX_BYTES,
    logMaxFiles: request.log?.maxFiles ?? DEFAULT_LOG_MAX_FILES,
    createdAt: nowTimestamp(),
    startedAt: null,
    pid: null,
    processStarted: null,
    bootId: null,
    exit: null,
    failure: null,
    poststop: null,
    network: prepared.network.networking,
  };
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
