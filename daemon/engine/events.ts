/**
 * Events: those kept, then live ones. A subscriber is a place in the registry's sequence, not a queue: one that
 * reads slowly costs no memory, and reads on from where it is.
 */
import type { Event, EventQuery } from '../../shared/api/event.ts';
import { InvalidTime, formatTime, nowNs, parseTime } from '../../shared/time.ts';
import type { EventRepository } from '../registry/events.ts';
import type { Containers } from './containers.ts';
import { EngineError } from './errors.ts';

/** Read from the registry at a time. */
const BATCH = 256;
/** setTimeout takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class EventFeed {
  private readonly sleepers = new Set<() => void>();

  /** Wakes everyone who waits for events. */
  publish(): void {
    for (const wake of [...this.sleepers]) wake();
  }

  /** Resolves at the next event, when `signal` is aborted, or at `deadline` (ns since 1970). */
  next(signal: AbortSignal, deadline: bigint | undefined): Promise<void> {
    return new Promise((resolve) => {
      const left = deadline === undefined ? undefined : Number((deadline - nowNs()) / 1_000_000n) + 1;
      const timer = left === undefined ? undefined : setTimeout(wake, Math.min(Math.max(left, 0), LONGEST_TIMER));
      const sleepers = this.sleepers;
      sleepers.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
      function wake(): void {
        clearTimeout(timer);
        sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      }
    });
  }
}

/** Throws `invalid_field` at once; the iterable ends at `until` or when `signal` is aborted. */
export function events(
  parts: { readonly feed: EventFeed; readonly repository: EventRepository; readonly containers: Containers },
  query: EventQuery,
  signal: AbortSignal,
): AsyncIterable<Event> {
  const since = query.since === undefined ? undefined : timeOf(query.since, 'since');
  const until = query.until === undefined ? undefined : timeOf(query.until, 'until');
  const { repository } = parts;
  const cursor = since === undefined && until === undefined ? repository.last() : startOf(repository, since);
  return replayAndFollow(parts, { cursor, until, admits: filterOf(query) }, signal);
}

function startOf(repository: EventRepository, since: bigint | undefined): number {
  return since === undefined ? repository.last() : repository.lastBefore(formatTime(since));
}

interface Reading {
  readonly cursor: number;
  readonly until: bigint | undefined;
  readonly admits: (event: Event) => boolean;
}

async function* replayAndFollow(
  parts: { readonly feed: EventFeed; readonly repository: EventRepository },
  reading: Reading,
  signal: AbortSignal,
): AsyncGenerator<Event, void, undefined> {
  let { cursor } = reading;
  const last = reading.until === undefined ? undefined : formatTime(reading.until);
  for (;;) {
    for (const event of parts.repository.after(cursor, BATCH)) {
      if (last !== undefined && event.at > last) return;
      cursor = event.sequence;
      if (reading.admits(event)) yield event;
      if (signal.aborted) return;
    }
    if (parts.repository.last() > cursor) continue;
    if (reading.until !== undefined && nowNs() >= reading.until) return;
    // nothing can be committed between the look above and this
    await parts.feed.next(signal, reading.until);
    if (signal.aborted) return;
  }
}

function filterOf(query: EventQuery): (event: Event) => boolean {
  const { container: containers, network: networks, action: actions, label: labels } = query;
  return (event) =>
    (containers === undefined || containers.some((ref) => isOfContainer(event, ref))) &&
    (networks === undefined || networks.some((ref) => isOfNetwork(event, ref))) &&
    (actions === undefined || actions.includes(event.action)) &&
    (labels === undefined || labels.every((label) => hasLabel(event.labels, label)));
}

function isOfContainer({ container, name }: Event, ref: string): boolean {
  return container !== undefined && (name === ref || container.startsWith(ref));
}

/** Where a container comes in too, `name` is its, and `detail` the network's. */
function isOfNetwork({ container, network, name, detail }: Event, ref: string): boolean {
  if (network === undefined) return false;
  return network.startsWith(ref) || ref === (container === undefined ? name : detail);
}

/** `label` is "key" or "key=value". */
export function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const at = label.indexOf('=');
  if (at < 0) return Object.hasOwn(labels, label);
  const key = label.slice(0, at);
  return Object.hasOwn(labels, key) && labels[key] === label.slice(at + 1);
}

function timeOf(text: string, field: string): bigint {
  try {
    return parseTime(text);
  } catch (error) {
    if (!(error instanceof InvalidTime)) throw error;
    throw new EngineError('invalid_field', `${field}: ${error.message}`, { field, cause: error });
  }
}
