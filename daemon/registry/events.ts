/** Events: kept in order, the newest 10,000 or so. */
import type { Database, Statement } from 'better-sqlite3';
import type { Event, EventAction } from '../../shared/api/event.ts';

export const EVENTS_KEPT = 10_000;
/** The old ones are dropped this many at a time. */
const TRIM_EVERY = 256;

export type NewEvent = Omit<Event, 'sequence'>;

interface Columns {
  readonly sequence: number;
  readonly at: string;
  readonly action: EventAction;
  readonly container: string | null;
  readonly network: string | null;
  readonly image: string | null;
  readonly volume: string | null;
  readonly name: string;
  readonly labels: string;
  readonly exec: string | null;
  readonly exit_code: number | null;
  readonly detail: string | null;
  readonly image_name: string | null;
  readonly networks: string | null;
}

type Fields = Record<string, string | number | null>;

export class EventRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      append:
        prepare(`INSERT INTO events (at, action, container, network, image, volume, name, labels, exec, exit_code, detail,
          image_name, networks)
        VALUES (:at, :action, :container, :network, :image, :volume, :name, :labels, :exec, :exitCode, :detail,
          :imageName, :networks)`),
      after: prepare<Columns>('SELECT * FROM events WHERE sequence > :sequence ORDER BY sequence LIMIT :limit'),
      last: prepare<{ last: number | null }>('SELECT max(sequence) AS last FROM events'),
      before: prepare<{ last: number | null }>('SELECT max(sequence) AS last FROM events WHERE at < :at'),
      trim: prepare('DELETE FROM events WHERE sequence <= :sequence'),
    };
  }

  /** The event with its number. */
  append(event: NewEvent): Event {
    const { at, action, name } = event;
    const { lastInsertRowid } = this.statements.append.run({
      at,
      action,
      container: event.container ?? null,
      network: event.network ?? null,
      image: event.image ?? null,
      volume: event.volume ?? null,
      name,
      labels: JSON.stringify(event.labels),
      exec: event.exec ?? null,
      exitCode: event.exitCode ?? null,
      detail: event.detail ?? null,
      imageName: event.imageName ?? null,
      networks: event.networks === undefined ? null : JSON.stringify(event.networks),
    });
    const sequence = Number(lastInsertRowid);
    if (sequence % TRIM_EVERY === 0) this.statements.trim.run({ sequence: sequence - EVENTS_KEPT });
    return { sequence, ...event };
  }

  /** At most `limit` events whose number is greater than `sequence`, in order. */
  after(sequence: number, limit: number): Event[] {
    return this.statements.after.all({ sequence, limit }).map(eventOf);
  }

  /** Number of the newest event, 0 where there is none. */
  last(): number {
    return this.statements.last.get({})?.last ?? 0;
  }

  /** Number of the newest event before `at` (RFC 3339, nine decimals), 0 where there is none. */
  lastBefore(at: string): number {
    return this.statements.before.get({ at })?.last ?? 0;
  }
}

function eventOf(columns: Columns): Event {
  const { sequence, at, action, container, network, image, volume, name, exec, exit_code: exitCode, detail } = columns;
  return {
    sequence,
    at,
    action,
    ...(container === null ? {} : { container }),
    ...(network === null ? {} : { network }),
    ...(image === null ? {} : { image }),
    ...(volume === null ? {} : { volume }),
    name,
    labels: JSON.parse(columns.labels) as Record<string, string>,
    ...(exec === null ? {} : { exec }),
    ...(exitCode === null ? {} : { exitCode }),
    ...(detail === null ? {} : { detail }),
    ...(columns.image_name === null ? {} : { imageName: columns.image_name }),
    ...(columns.networks === null ? {} : { networks: JSON.parse(columns.networks) as NonNullable<Event['networks']> }),
  };
}
