/** Commits a change together with the events that tell of it, and publishes them once they are durable, in order. */
import type { EventAction } from '../../shared/api/event.ts';
import type { Event } from '../../shared/api/event.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { ContainerRow } from '../registry/containers.ts';
import { RegistryError } from '../registry/error.ts';
import type { Registry } from '../registry/registry.ts';
import { EngineError } from './errors.ts';

export interface Happening {
  readonly action: EventAction;
  readonly container: Pick<ContainerRow, 'id' | 'name' | 'labels'>;
  readonly exec?: string;
  readonly exitCode?: number;
  readonly detail?: string;
}

export class Journal {
  private readonly registry: Registry;
  private readonly publish: (events: readonly Event[]) => void;

  constructor(registry: Registry, publish: (events: readonly Event[]) => void) {
    this.registry = registry;
    this.publish = publish;
  }

  /** All of it or nothing. Throws EngineError: `disk_full`, `name_taken`, `internal`. */
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
    const { action, container, exec, exitCode, detail } = happening;
    return this.registry.events.append({
      at: nowTimestamp(),
      action,
      container: container.id,
      name: container.name,
      labels: { ...container.labels },
      ...(exec === undefined ? {} : { exec }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(detail === undefined ? {} : { detail }),
    });
  }
}

function journalError(error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  if (error.kind === 'full') return new EngineError('disk_full', error.message, { cause: error });
  if (error.kind === 'name_taken') return new EngineError('name_taken', error.message, { cause: error, field: 'name' });
  return new EngineError('internal', error.message, { cause: error });
}
