/** The engine, put together: one function of the API's interface, one verb's file. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, Resource } from '../api/engine.ts';
import type { RegistriesSettings } from '../images/registry/settings.ts';
import type { Registry } from '../registry/registry.ts';
import type { CgroupHost } from '../runtime/cgroups/host.ts';
import * as groups from '../runtime/cgroups/live.ts';
import { createSeccompCache } from '../runtime/seccomp/cache.ts';
import type { HostFacts } from '../runtime/host-facts.ts';
import type { SpecHost } from '../runtime/spec/default-spec.ts';
import type { ShimPool } from '../shim/types.ts';
import { PendingAttachments } from './attach/pending.ts';
import { Alarms } from './alarms.ts';
import { attach } from './attach.ts';
import type { Container } from './container.ts';
import { Containers } from './containers.ts';
import type { Context, Log } from './context.ts';
import { containerSize } from './container-size.ts';
import { create } from './create.ts';
import { adoptNetworks } from './endpoints/adopt.ts';
import { connect } from './endpoints/connect.ts';
import { disconnect } from './endpoints/disconnect.ts';
import { HostNetwork } from './endpoints/host-network.ts';
import { NETWORK_DEFAULTS, type NetworkOptions } from './endpoints/options.ts';
import { mendNetwork } from './endpoints/cut-off.ts';
import { linksGone } from './endpoints/run.ts';
import { commitContainer } from './commit.ts';
import { Builds } from './build/builds.ts';
import { pruneBuilds } from './build/prune.ts';
import { sweepBuilds } from './build/sweep.ts';
import { containerChanges } from './files/changes.ts';
import { extractArchive, readArchive, statPath } from './files/copy.ts';
import { exportContainer } from './files/export.ts';
import { FileThreads } from './files/threads.ts';
import { importImage } from './images/import.ts';
import { loadImages } from './images/load.ts';
import { login } from './images/login.ts';
import { saveImages } from './images/save.ts';
import { findImage } from './images/find.ts';
import { createImageParts } from './images/parts.ts';
import { Slots } from './images/slots.ts';
import { pullImage } from './images/pull.ts';
import { pushImage } from './images/push.ts';
import { remoteImage } from './images/remote.ts';
import { createNetwork } from './networks/create.ts';
import { ensureDefaultNetwork } from './networks/default.ts';
import { inspectNetwork, listNetworks } from './networks/inspect.ts';
import { Networks } from './networks/networks.ts';
import { pruneNetworks, removeNetwork } from './networks/remove.ts';
import { nowTimestamp } from '../../shared/time.ts';
import { EngineError } from './errors.ts';
import { EventFeed, events } from './events.ts';
import { createExec } from './exec/create.ts';
import { detachedExec } from './exec/detached.ts';
import { inspectExec } from './exec/inspect.ts';
import { PreparedExecs } from './exec/prepared.ts';
import { resizeExec } from './exec/resize.ts';
import { attachExec, startExec, startExecAttached } from './exec/start.ts';
import { info, version } from './info.ts';
import { keepHealth } from './health/keep.ts';
import { restartUnhealthy } from './health/restart-unhealthy.ts';
import { settlePoststop } from './hooks/poststop.ts';
import { detached } from './detached.ts';
import { dockerRequest, inspect } from './inspect.ts';
import { type About, Journal } from './journal.ts';
import { kill } from './kill.ts';
import { list } from './list.ts';
import { logs } from './logs.ts';
import { overview } from './overview.ts';
import { pause } from './pause.ts';
import type { Places } from './places.ts';
import { PlanCache } from './plans.ts';
import { load } from './reconcile/load.ts';
import { reconcileContainer } from './reconcile/reconcile.ts';
import { sweepDirectories, sweepProcesses } from './reconcile/sweep.ts';
import { Restarts } from './restart-policy/restarts.ts';
import { startAgain } from './restart-policy/start-again.ts';
import { ranInAnotherBoot, takeUp } from './restart-policy/take-up.ts';
import { Turns } from '../images/store/turns.ts';
import { remove } from './remove.ts';
import { RemovedFiles } from './removed-files.ts';
import { rename } from './rename.ts';
import { resize } from './resize.ts';
import { restart } from './restart.ts';
import { resume } from './resume.ts';
import { SpecCache } from './specs.ts';
import { start } from './start.ts';
import { stats } from './stats.ts';
import { stop } from './stop.ts';
import { pruneFilter } from './storage/prune-filter.ts';
import { storageVerbs } from './storage/verbs.ts';
import { top } from './top.ts';
import { Trees } from './trees.ts';
import { update } from './update.ts';
import { findVolume } from './volumes/inspect.ts';
import { recoverVolumes } from './volumes/recover.ts';
import { wait } from './wait.ts';

/** What hooks under way are given when the daemon ends; less than the daemon itself is given (daemon/main.ts). */
const HOOKS_GRACE_MS = 5000;
/** What control groups of containers that have just ended are given to go. */
const GROUPS_GRACE_MS = 2000;
const GROUPS_PAUSE_MS = 5;
/** Health probes that are begun at a time; how many run is not bounded. */
const PROBES_BEGUN_AT_A_TIME = 16;

export interface EngineParts {
  readonly registry: Registry;
  readonly shims: ShimPool;
  readonly places: Places;
  /** As prepareParent gave it. */
  readonly cgroups: CgroupHost;
  readonly specHost: SpecHost;
  readonly hostFacts: HostFacts;
  readonly bootId: string;
  readonly version: string;
  readonly log: Log;
  /** Absent: as without any option. */
  readonly network?: NetworkOptions;
  /** What the configuration says of registries of images, by their names. */
  readonly registries?: RegistriesSettings;
}

export interface EngineWithLifecycle extends Engine {
  /** Reads the registry: from then on list and inspect answer, and verbs wait for the reconciliation of their container. */
  open(): void;
  /** Adopts what outlived the last daemon, all containers side by side, then sweeps. */
  reconcile(): Promise<void>;
  /** Lets go of the shims, which live on with their containers; no verb is begun any more. */
  close(): Promise<void>;
}

export function createEngine(parts: EngineParts): EngineWithLifecycle {
  const feed = new EventFeed();
  const journal = new Journal(
    parts.registry,
    () => {
      feed.publish();
    },
    (container) => aboutOf(context, container),
  );
  const networkOptions = parts.network ?? NETWORK_DEFAULTS;
  const network = new HostNetwork({
    log: parts.log,
    table: parts.places.table,
    tag: parts.places.networkTag,
    bridgePorts: networkOptions.bridgePorts,
    published: () => [...context.containers].flatMap(({ ports }) => ports),
    record: (change) => {
      journal.commit((registry) => {
        registry.hostSettings.record({ ...change, at: nowTimestamp() });
      });
    },
    linksGone: (names) => {
      linksGone(context, names);
    },
  });
  const images = createImageParts({ ...parts, root: parts.places.root, registries: parts.registries ?? {} });
  const trees = new Trees(parts.log);
  const alarms = new Alarms();
  const context: Context = {
    containers: new Containers(),
    networks: new Networks(),
    network,
    networkOptions,
    addressPools: networkOptions.addressPools,
    images,
    files: new FileThreads(),
    builds: new Builds(),
    trees,
    filling: new Turns(),
    registry: parts.registry,
    journal,
    feed,
    places: parts.places,
    shims: parts.shims,
    plans: new PlanCache(),
    specs: new SpecCache(),
    prepared: new PreparedExecs(),
    pending: new PendingAttachments(),
    removedFiles: new RemovedFiles(trees, (directory, error) => {
      parts.log.error({ err: error, directory }, 'the files of a removed container are left to the next start');
    }),
    alarms,
    restarts: new Restarts(alarms, (container, next) => startAgain(context, container, next)),
    probing: new Slots(PROBES_BEGUN_AT_A_TIME),
    restartUnhealthy: (container, run) => restartUnhealthy(context, container, run),
    cgroups: parts.cgroups,
    specHost: parts.specHost,
    hostFacts: parts.hostFacts,
    seccomp: createSeccompCache(),
    bootId: parts.bootId,
    log: parts.log,
    swept: Promise.withResolvers(),
    closing: new AbortController(),
  };
  return { ...verbs(context, parts.version), ...lifecycleOf(context) };
}

function verbs(context: Context, tareVersion: string): Engine {
  const { registry, feed, containers } = context;
  return {
    create: (request, docker) => create(context, request, docker),
    dockerRequest: (ref) => dockerRequest(context, ref),
    list: (query) => list(context, query),
    overview: (query) => overview(context, query),
    containerSize: (ref) => containerSize(context, ref),
    inspect: (ref) => inspect(context, ref),
    start: (ref) => start(context, ref),
    stop: (ref, request) => stop(context, ref, request),
    restart: (ref, request) => restart(context, ref, request),
    kill: (ref, signal) => kill(context, ref, signal),
    pause: (ref) => pause(context, ref),
    resume: (ref) => resume(context, ref),
    rename: (ref, name) => rename(context, ref, name),
    update: (ref, request) => update(context, ref, request),
    wait: (ref, condition, signal) => begun(() => wait(context, ref, condition, signal)),
    remove: (ref, options) => remove(context, ref, options),
    top: (ref, options) => top(context, ref, options),
    stats: (ref, query, signal) => stats(context, ref, query, signal),
    resize: (ref, size) => resize(context, ref, size),
    logs: (ref, query, signal, encoding) => begun(() => logs(context, ref, query, signal, encoding)),
    attach: (ref, options) => attach(context, ref, options),
    detached: (ref) => {
      detached(context, ref);
    },
    createExec: (ref, request) => createExec(context, ref, request),
    startExecAttached: (id, request) => startExecAttached(context, id, request),
    startExec: (id) => startExec(context, id),
    attachExec: (id) => attachExec(context, id),
    detachedExec: (id) => {
      detachedExec(context, id);
    },
    inspectExec: (id) => inspectExec(context, id),
    resizeExec: (id, size) => resizeExec(context, id, size),
    createNetwork: (request) => createNetwork(context, request),
    listNetworks: (query) => listNetworks(context, query),
    inspectNetwork: (ref) => inspectNetwork(context, ref),
    removeNetwork: (ref) => removeNetwork(context, ref),
    pruneNetworks: async (request) => ({ removed: await pruneNetworks(context, pruneFilter(request)) }),
    defaultNetwork: () => inspectNetwork(context, ensureDefaultNetwork(context).id),
    connect: (ref, request) => connect(context, ref, request),
    disconnect: (ref, request) => disconnect(context, ref, request),
    pullImage: (request, auth, report, signal) => pullImage(context, request, auth, report, signal),
    pushImage: (ref, request, auth, report, signal) => pushImage(context, ref, request, auth, report, signal),
    remoteImage: (query, auth, signal) => remoteImage(context, query, auth, signal),
    login: (request, auth, signal) => login(context, request, auth, signal),
    loadImages: (stream, query, report, signal) => loadImages(context, stream, query, report, signal),
    saveImages: (request, signal) => saveImages(context, request, signal),
    importImage: (stream, query, report, signal) => importImage(context, stream, query, report, signal),
    // it is loaded at the first build
    buildImage: async (stream, query, registryConfig, tell, signal) => {
      const { buildImage } = await import('./build/build.ts');
      const parts = { stream, query, registryConfig };
      return context.builds.run(signal, (either) => buildImage(context, parts, tell, either));
    },
    pruneBuilds: (request) => pruneBuilds(context, request),
    ...storageVerbs(context),
    commitContainer: (ref, request, signal) => commitContainer(context, ref, request, signal),
    exportContainer: (ref, signal) => exportContainer(context, ref, signal),
    containerChanges: (ref, signal) => containerChanges(context, ref, signal),
    readArchive: (ref, query, signal) => readArchive(context, ref, query, signal),
    statPath: (ref, query, signal) => statPath(context, ref, query, signal),
    extractArchive: (ref, query, stream, signal) => extractArchive(context, ref, query, stream, signal),
    events: (query, signal) => events({ feed, repository: registry.events, containers }, query, signal),
    version: () => version(tareVersion),
    info: () => info(context, tareVersion),
    identify: (ref, resource) => identify(context, ref, resource),
  };
}

function aboutOf({ containers, networks }: Context, id: string): About {
  const container = containers.get(id);
  if (container === undefined) return {};
  const { image, endpoints } = container;
  const on = endpoints.flatMap(({ network }) => {
    const name = networks.get(network)?.name;
    return name === undefined ? [] : [{ id: network, name }];
  });
  return { ...(image === undefined ? {} : { imageName: image.name }), networks: on };
}

/** Begins at once; what it throws is the promise's rejection. */
function begun<T>(work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

function identify(context: Context, ref: string, resource: Resource = 'container'): string | undefined {
  try {
    if (resource === 'image') return findImage(context, ref).manifest.config;
    if (resource === 'volume') return findVolume(context, ref).name;
    return (resource === 'network' ? context.networks : context.containers).find(ref).id;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function lifecycleOf(context: Context): Pick<EngineWithLifecycle, 'open' | 'reconcile' | 'close'> {
  const sockets = Promise.withResolvers<ReadonlySet<string>>();
  let settling: Promise<void>[] = [];
  let rebooted: ReadonlySet<string> = new Set();
  return {
    open: () => {
      recoverVolumes(context);
      const unsettled = load(context);
      rebooted = ranInAnotherBoot(context);
      settling = unsettled.map((container) => settle(context, container, sockets.promise));
    },
    reconcile: async () => {
      const recovered = context.images.work.recover();
      // told below; until then other work goes on
      recovered.catch(() => undefined);
      await adoptNetworks(context);
      sockets.resolve(new Set(await context.shims.listed()));
      await Promise.all(settling);
      settling = [];
      // those that had ended have their addresses no more
      if (context.networks.size > 0) linksGone(context, []);
      await sweepProcesses(context);
      void takeUp(context, rebooted);
      await sweepDirectories(context);
      await sweepBuilds(context);
      await recovered;
      context.swept.resolve();
    },
    close: () => close(context),
  };
}

/** Has the container's turn from the beginning, so that no verb comes before it. */
async function settle(context: Context, container: Container, sockets: Promise<ReadonlySet<string>>): Promise<void> {
  try {
    await container.turn.run(async () => {
      const listed = await sockets;
      await reconcileContainer(context, container, listed.has(container.id));
      mendNetwork(context, container);
    });
  } catch (error) {
    context.log.error({ err: error, container: container.id }, 'the container could not be reconciled');
  }
  // not in its turn, and nobody waits for them but who starts or removes it
  if (container.run === undefined) void settlePoststop(context, container);
}

/**
 * Verbs under way end first: an intent without an outcome costs the next daemon an adoption. So do hooks, which may hang:
 * after a while they are killed, and what is owed is left to the next daemon.
 */
async function close(context: Context): Promise<void> {
  // while the containers of theirs can still be ended
  await context.builds.close(new EngineError('shutting_down', 'the daemon is going down'));
  context.pending.close();
  context.restarts.close();
  context.alarms.close();
  keepHealth(context);
  // some of them have the turns of their containers for as long as their clients like
  await context.files.close(new EngineError('shutting_down', 'the daemon is going down'));
  const timer = setTimeout(() => {
    context.closing.abort();
  }, HOOKS_GRACE_MS);
  const busy = [...context.containers].filter(({ turn }) => turn.taken);
  await Promise.all(busy.map(({ turn }) => turn.run(() => undefined)));
  for (const { poststop } of context.containers) await poststop;
  for (const { gone, row } of context.containers) if (row.cgroupParent !== null) await gone;
  clearTimeout(timer);
  context.closing.abort();
  for (const { run } of context.containers) run?.shim.release();
  await context.removedFiles.settled();
  await context.trees.close();
  await context.images.close();
  await context.shims.close();
  const { cgroups, places } = context;
  // without containers nothing of this daemon stays on the host but its directories
  const isIdle = await isEmptied(context);
  await context.network.close(isIdle);
  if (isIdle) await groups.remove(cgroups, places.cgroupParent);
}

/** No container has groups. Shims that were let go take those of theirs away by themselves, within moments. */
async function isEmptied({ containers, cgroups, places }: Context): Promise<boolean> {
  const isRunning = [...containers].some(({ run }) => run !== undefined);
  const deadline = performance.now() + GROUPS_GRACE_MS;
  while (groups.list(cgroups, places.cgroupParent).length > 0) {
    if (isRunning || performance.now() >= deadline) return false;
    await delay(GROUPS_PAUSE_MS);
  }
  return true;
}
