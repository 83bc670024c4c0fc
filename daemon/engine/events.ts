/**
 * Events: those kept, then live ones. A subscriber is a place in the registry's sequence, not a queue: one that
 * reads slowly costs no memory, and reads on from where it is.
 */
import type { Event, EventQuery } from '../../shared/api/event.ts';
import { formatTime, nowNs } from '../../shared/time.ts';
import { ImageError } from '../images/errors.ts';
import { canonicalText, parseReference, withDefaultTag } from '../images/reference.ts';
import type { EventRepository } from '../registry/events.ts';
import type { Containers } from './containers.ts';
import { momentNs } from './moment.ts';

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
  const since = query.since === undefined ? undefined : momentNs(query.since, 'since');
  const until = query.until === undefined ? undefined : momentNs(query.until, 'until');
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
  const { container: containers, network: networks, volume: volumes, action: actions, label: labels } = query;
  const images = query.image?.map((ref) => ({ ref, name: canonicalName(ref) }));
  return (event) =>
    (containers === undefined || containers.some((ref) => isOfContainer(event, ref))) &&
    (networks === undefined || networks.some((ref) => isOfNetwork(event, ref))) &&
    (images === undefined || images.some((image) => isOfImage(event, image))) &&
    (volumes === undefined || (event.volume !== undefined && volumes.includes(event.volume))) &&
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

/** By its id, the beginning of one, or the name that it had in what happened. */
function isOfImage(
  { container, image, name }: Event,
  asked: { readonly ref: string; readonly name: string | undefined },
): boolean {
  if (image === undefined) return false;
  if (image.startsWith(asked.ref) || image.startsWith(`sha256:${asked.ref}`)) return true;
  return container === undefined && asked.name !== undefined && canonicalName(name) === asked.name;
}

/** "debian" and "docker.io/library/debian:latest" are one; undefined: it is no name. */
function canonicalName(text: string): string | undefined {
  try {
    return canonicalText(withDefaultTag(parseReference(text)));
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

/** `label` is "key" or "key=value". */
export function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const at = label.indexOf('=');
  if (at < 0) return Object.hasOwn(labels, label);
  const key = label.slice(0, at);
  return Object.hasOwn(labels, key) && labels[key] === label.slice(at + 1);
}
