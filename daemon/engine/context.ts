/** What the verbs work with; put together by createEngine. */
import type { CgroupHost } from '../runtime/cgroups/host.ts';
import type { HostFacts } from '../runtime/host-facts.ts';
import type { SeccompCache } from '../runtime/seccomp/cache.ts';
import type { SpecHost } from '../runtime/spec/default-spec.ts';
import type { Registry } from '../registry/registry.ts';
import type { ShimPool } from '../shim/types.ts';
import type { Builds } from './build/builds.ts';
import type { PendingAttachments } from './attach/pending.ts';
import type { Alarms } from './alarms.ts';
import type { Container, Run } from './container.ts';
import type { Containers } from './containers.ts';
import type { HostNetwork } from './endpoints/host-network.ts';
import type { NetworkOptions } from './endpoints/options.ts';
import type { EventFeed } from './events.ts';
import type { FileThreads } from './files/threads.ts';
import type { ImageParts } from './images/context.ts';
import type { Slots } from './images/slots.ts';
import type { Journal } from './journal.ts';
import type { AddressPool } from '../network/ipam/pools.ts';
import type { Networks } from './networks/networks.ts';
import type { Places } from './places.ts';
import type { PreparedExecs } from './exec/prepared.ts';
import type { PlanCache } from './plans.ts';
import type { Turns } from '../images/store/turns.ts';
import type { RemovedFiles } from './removed-files.ts';
import type { Restarts } from './restart-policy/restarts.ts';
import type { SpecCache } from './specs.ts';
import type { Trees } from './trees.ts';

/** What the engine needs of a logger (pino's shape): for what no caller is told. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Context {
  readonly containers: Containers;
  readonly networks: Networks;
  /** What the host has of them. */
  readonly network: HostNetwork;
  readonly networkOptions: NetworkOptions;
  readonly addressPools: readonly AddressPool[];
  readonly images: ImageParts;
  /** That work on the files of containers. */
  readonly files: FileThreads;
  readonly trees: Trees;
  readonly builds: Builds;
  /** By name of the volume: what an image has is copied into it by one container at a time. */
  readonly filling: Turns;
  readonly registry: Registry;
  readonly journal: Journal;
  readonly feed: EventFeed;
  readonly places: Places;
  readonly shims: ShimPool;
  readonly plans: PlanCache;
  readonly specs: SpecCache;
  readonly prepared: PreparedExecs;
  readonly pending: PendingAttachments;
  readonly removedFiles: RemovedFiles;
  readonly alarms: Alarms;
  readonly restarts: Restarts;
  /** Health probes that are being begun. */
  readonly probing: Slots;
  /** Restarts one whose health check asks for it, if this is still its run. Does not throw. */
  readonly restartUnhealthy: (container: Container, run: Run) => Promise<void>;
  readonly cgroups: CgroupHost;
  readonly specHost: SpecHost;
  readonly hostFacts: HostFacts;
  /** Compiled filters, by profile. */
  readonly seccomp: SeccompCache;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  readonly log: Log;
  /** Resolves when all that a former daemon left is taken over or cleared away. */
  readonly swept: PromiseWithResolvers<void>;
  /** Aborted when the daemon ends: hooks are not waited for any more, and none is begun. */
  readonly closing: AbortController;
}
