/** Commits a change together with the events that tell of it, and publishes them once they are durable, in order. */
import type { EventAction } from '../../shared/api/event.ts';
import type { Event } from '../../shared/api/event.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { ContainerRow } from '../registry/containers.ts';
import type { NetworkRow } from '../registry/networks.ts';
import { RegistryError } from '../registry/error.ts';
import type { Registry } from '../registry/registry.ts';
import type { VolumeRow } from '../registry/volumes.ts';
import { EngineError } from './errors.ts';

/**
 * To a container, a network, an image, a volume; or, as it is connected and disconnected, to a container with a network;
 * or, as it is committed, to a container with the image that it gives.
 */
export type Happening = Told & (ToContainer | ToNetwork | ToImage | ToVolume);

interface ToContainer {
  readonly container: Pick<ContainerRow, 'id' | 'name' | 'labels'>;
  readonly network?: Pick<NetworkRow, 'id'>;
  readonly image?: { readonly id: string };
  readonly volume?: never;
}

interface ToNetwork {
  readonly container?: never;
  readonly network: Pick<NetworkRow, 'id' | 'name' | 'labels'>;
  readonly image?: never;
  readonly volume?: never;
}

interface ToImage {
  readonly container?: never;
  readonly network?: never;
  /** `name`: as people write it, or its id where it has none. */
  readonly image: { readonly id: string; readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly volume?: never;
}

interface ToVolume {
  readonly container?: never;
  readonly network?: never;
  readonly image?: never;
  readonly volume: Pick<VolumeRow, 'name' | 'labels'>;
}

interface Told {
  readonly action: EventAction;
  readonly exec?: string;
  readonly exitCode?: number;
  readonly detail?: string;
}

/** Characters, of an image's labels in one event. */
const IMAGE_LABELS_MAX = 16 * 1024;

/** What events tell of a container that its row does not have. */
export interface About {
  readonly imageName?: string;
  readonly networks?: NonNullable<Event['networks']>;
}

/** Where the networks of a container are of interest. */
const WITH_NETWORKS: ReadonlySet<EventAction> = new Set(['start', 'die']);

export class Journal {
  private readonly registry: Registry;
  private readonly publish: (events: readonly Event[]) => void;
  private readonly about: (container: string) => About;

  constructor(
    registry: Registry,
    publish: (events: readonly Event[]) => void,
    about: (container: string) => About = () => ({}),
  ) {
    this.registry = registry;
    this.publish = publish;
    this.about = about;
  }

  /** All of it or nothing. Throws EngineError: `disk_full`, `name_taken`, `address_taken`, `port_taken`, `internal`. */
  commit(change: (registry: Registry) => void, ...happenings: readonly Happening[]): void {
    this.write(change, happenings, (work) => {
      this.registry.commit(work);
    });
  }

  /** The same for the end of something: gives up the disk reserve where the disk is full. */
  commitEnd(change: (registry: Registry) => void, ...happenings: readonly Happening[]): void {
    this.write(change, happenings, (work) => {
      this.registry.commitEnd(work);
    });
  }

  private write(
    change: (registry: Registry) => void,
    happenings: readonly Happening[],
    commit: (work: () => void) => void,
  ): void {
    let events: Event[] = [];
    try {
      commit(() => {
        change(this.registry);
        events = happenings.map((happening) => this.append(happening));
      });
    } catch (error) {
      throw journalError(error);
    }
    if (events.length > 0) this.publish(events);
  }

  private append(happening: Happening): Event {
    const { action, container, network, image, volume, exec, exitCode, detail } = happening;
    const { name, labels } = whomOf(happening);
    const { imageName, networks = [] } = container === undefined ? {} : this.about(container.id);
    return this.registry.events.append({
      at: nowTimestamp(),
      action,
      ...(container === undefined ? {} : { container: container.id }),
      ...(network === undefined ? {} : { network: network.id }),
      ...(image === undefined ? {} : { image: image.id }),
      ...(volume === undefined ? {} : { volume: volume.name }),
      name,
      labels: container === undefined && image !== undefined ? bounded(labels) : { ...labels },
      ...(exec === undefined ? {} : { exec }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(detail === undefined ? {} : { detail }),
      ...(imageName === undefined ? {} : { imageName }),
      ...(WITH_NETWORKS.has(action) && networks.length > 0 ? { networks } : {}),
    });
  }
}

/** Whose name and labels the event has. */
function whomOf(happening: Happening): { readonly name: string; readonly labels: Readonly<Record<string, string>> } {
  if (happening.container !== undefined) return happening.container;
  if (happening.network !== undefined) return happening.network;
  return happening.image ?? happening.volume;
}

/** What strangers wrote, megabytes of it if they like: of an image's labels an event has the first that fit. */
function bounded(labels: Readonly<Record<string, string>>): Record<string, string> {
  let left = IMAGE_LABELS_MAX;
  const fitting = Object.entries(labels).filter(([key, value]) => (left -= key.length + value.length) >= 0);
  return Object.fromEntries(fitting);
}

function journalError(error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  if (error.kind === 'full') return new EngineError('disk_full', error.message, { cause: error });
  if (error.kind === 'name_taken') return new EngineError('name_taken', error.message, { cause: error, field: 'name' });
  if (error.kind === 'address_taken' || error.kind === 'port_taken') {
    return new EngineError(error.kind, error.message, { cause: error });
  }
  return new EngineError('internal', error.message, { cause: error });
}
