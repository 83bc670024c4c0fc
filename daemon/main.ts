/** The composition root of tared: builds every part, hands over what each needs, and ends them in order. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Logger, destination, pino } from 'pino';
import { peerCredentials } from '../native-bindings/peer-credentials.ts';
import { type Edge, createOnly } from './api/front.ts';
import { createRequestRecorder } from './api/recorder.ts';
import { createApi } from './api/server.ts';
import { dockerEdge } from './docker/edge.ts';
import { createEngine } from './engine/engine.ts';
import { PathTooLong, Places } from './engine/places.ts';
import { Refusal, listenOn, prepareDirectories, socketGroup, socketPath } from './host.ts';
import { type DaemonOptions, HELP, OptionsError, parseOptions } from './options.ts';
import { RegistryError } from './registry/error.ts';
import { Registry } from './registry/registry.ts';
import { CgroupError, prepareParent, releaseParent } from './runtime/cgroups/live.ts';
import { type CgroupHost, controllerPlace, groupDirectory, probeCgroups } from './runtime/cgroups/host.ts';
import { probeHostFacts } from './runtime/host-facts.ts';
import { probeSpecHost } from './runtime/spec/default-spec.ts';
import { SocketPathTooLong, openShimPool } from './shim/shims.ts';

/** clone3 into a control group, pidfd, openat2, close_range, mount_setattr. */
const KERNEL_FLOOR = [5, 12] as const;
/** For requests and verbs under way when the daemon is to end. */
const CLOSING_DEADLINE_MS = 10_000;
/** From daemon/main.ts and from dist/tared.mjs alike. */
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

async function main(): Promise<void> {
  const invocation = parseOptions(process.argv.slice(2));
  if (invocation.is === 'help') process.stdout.write(HELP);
  else if (invocation.is === 'version') process.stdout.write(`tared ${packageVersion()}\n`);
  else await run(invocation.options);
}

async function run(options: DaemonOptions): Promise<void> {
  checkHost();
  process.umask(0o077);
  const logger = pino({ level: options.logLevel, base: null }, destination({ dest: 2, sync: false }));
  const version = packageVersion();
  const group = socketGroup();
  const places = new Places(prepareDirectories(options, group));
  places.checkSocketPaths();
  const registry = Registry.open({ root: places.root, migrations: join(PACKAGE, 'migrations') });
  const cgroups = prepareParent(hostCgroups(), places.cgroupParent);
  const shims = openShimPool({
    run: places.run,
    program: options.shim ?? join(PACKAGE, 'build', 'shim', 'tare-shim'),
    groups: slowGroups(cgroups, places.cgroupParent),
    died: (death) => {
      logger.debug(death, 'a shim ended');
    },
    spareFailed: (error) => {
      logger.error({ err: error }, 'a spare shim could not be made, or what one left not be removed');
    },
  });
  const engine = createEngine({
    registry,
    shims,
    places,
    cgroups,
    specHost: probeSpecHost(),
    hostFacts: probeHostFacts(),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    version,
    log: logger,
    network: options.network,
    registries: options.registries,
  });
  engine.open();
  const edge = { engine, logger, version, peerOf: peerCredentials, recorder: createRequestRecorder() };
  const docker = dockerEdge(edge);
  const api = createApi({ ...edge, other: docker });
  await listenOn(places.socket, group, (path) => api.listen({ path }));
  const second = await secondSocket(options.dockerSocket, group, docker);
  logger.info({ socket: places.socket, root: places.root, pid: process.pid }, 'tared answers');
  endOnSignal(logger, async () => {
    await Promise.all([api.close(), second?.close(), engine.close()]);
    registry.close();
    releaseParent(cgroups, places.cgroupParent);
  });
  await engine.reconcile();
  logger.info({ containers: engine.info().containers }, 'every container is reconciled');
}

/** Where a group takes the kernel long to make, and may be renamed. */
function slowGroups(cgroups: CgroupHost, parent: string): string | undefined {
  const place = controllerPlace(cgroups, 'memory');
  return place?.version === 1 ? groupDirectory(place.hierarchy, parent) : undefined;
}

/** Where it is asked for; there the Docker Engine API alone is spoken. Throws Refusal. */
async function secondSocket(
  path: string | undefined,
  group: number | undefined,
  docker: Edge,
): Promise<{ close(): Promise<void> } | undefined> {
  if (path === undefined) return undefined;
  await docker.ready();
  const server = createOnly(docker);
  await listenOn(socketPath(path), group, (real) => once(server.listen(real), 'listening'));
  return {
    close: async () => {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Containers live on; requests end. */
function endOnSignal(logger: Logger, close: () => Promise<void>): void {
  let ending = false;
  const end = (signal: NodeJS.Signals) => {
    if (ending) return;
    ending = true;
    logger.info({ signal }, 'tared ends, containers live on');
    const deadline = setTimeout(() => {
      logger.error({}, 'tared did not end in time');
      logger.flush(() => process.exit(1));
    }, CLOSING_DEADLINE_MS);
    deadline.unref();
    close().then(
      () => {
        logger.flush(() => process.exit(0));
      },
      (error: unknown) => {
        logger.error({ err: error }, 'tared did not end cleanly');
        logger.flush(() => process.exit(1));
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

function checkHost(): void {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [floorMajor, floorMinor] = KERNEL_FLOOR;
  if (major < floorMajor || (major === floorMajor && minor < floorMinor)) {
    throw new Refusal(
      `this kernel is ${release()}, tare needs Linux ${KERNEL_FLOOR.join('.')} or later (mount_setattr, clone3)`,
    );
  }
  if (process.getuid?.() !== 0) throw new Refusal('tared must run as root');
}

function hostCgroups(): CgroupHost {
  const host = probeCgroups();
  if (host.mode === 'none')
    throw new Refusal('no control group file system is mounted: mount cgroup2 on /sys/fs/cgroup');
  return host;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** What the user can do something about is said in one line. */
function isExpected(error: unknown): error is Error {
  return [Refusal, OptionsError, PathTooLong, SocketPathTooLong, RegistryError, CgroupError].some(
    (kind) => error instanceof kind,
  );
}

try {
  await main();
} catch (error) {
  if (!isExpected(error)) throw error;
  process.stderr.write(`tared: ${error.message}\n`);
  process.exit(error instanceof OptionsError ? 2 : 1);
}
