/** Rows of volumes, and which containers have them. */
import type { Database, Statement } from 'better-sqlite3';

/** A directory of the host that a volume is, and how containers get it. */
export interface VolumeDevice {
  /** Absolute, without superfluous slashes and dots. */
  readonly path: string;
  readonly readonly: boolean;
  /** With what is mounted below. */
  readonly recursive: boolean;
  readonly propagation?: 'private' | 'rprivate' | 'slave' | 'rslave' | 'shared' | 'rshared';
  /** Further words of mount(8) that a bind can be told. */
  readonly options: readonly string[];
}

export interface VolumeRow {
  readonly name: string;
  /** It was made for a container that named none. */
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  /** What the image has at its place is still to be copied into it: done before its first container starts. */
  readonly unfilled: boolean;
  /** Absent: it has a directory of its own. */
  readonly device?: VolumeDevice;
  /** As a client of Docker's API asked for the device. */
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** A container has it, running or not. */
export interface VolumeAttachment {
  readonly container: string;
  /** Where it is mounted. */
  readonly destination: string;
  readonly volume: string;
}

interface Columns {
  readonly name: string;
  readonly anonymous: number;
  readonly labels: string;
  readonly created_at: string;
  readonly unfilled: number;
  readonly device: string | null;
  readonly device_mount: string | null;
  readonly driver_options: string | null;
}

type Fields = Record<string, string | number | null>;

const ATTACHMENT = 'container, destination, volume';

export class VolumeRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      get: prepare<Columns>('SELECT * FROM volumes WHERE name = :name'),
      all: prepare<Columns>('SELECT * FROM volumes ORDER BY name'),
      insert: prepare(`INSERT INTO volumes
        (name, anonymous, labels, created_at, unfilled, device, device_mount, driver_options)
        VALUES (:name, :anonymous, :labels, :createdAt, :unfilled, :device, :deviceMount, :driverOptions)`),
      remove: prepare(`DELETE FROM volumes WHERE name = :name
        AND NOT EXISTS (SELECT 1 FROM container_volumes WHERE volume = :name)`),
      filled: prepare('UPDATE volumes SET unfilled = 0 WHERE name = :name'),
      attach: prepare(`INSERT INTO container_volumes (${ATTACHMENT}) VALUES (:container, :destination, :volume)`),
      attachments: prepare<VolumeAttachment>(
        `SELECT ${ATTACHMENT} FROM container_volumes ORDER BY container, destination`,
      ),
      users: prepare<{ container: string }>(
        'SELECT DISTINCT container FROM container_volumes WHERE volume = :name ORDER BY container',
      ),
    };
  }

  get(name: string): VolumeRow | undefined {
    const columns = this.statements.get.get({ name });
    return columns === undefined ? undefined : rowOf(columns);
  }

  /** Every row, by name. */
  all(): VolumeRow[] {
    return this.statements.all.all({}).map(rowOf);
  }

  insert(row: VolumeRow): void {
    const { path = null, ...mount } = row.device ?? {};
    this.statements.insert.run({
      name: row.name,
      anonymous: Number(row.anonymous),
      labels: JSON.stringify(row.labels),
      createdAt: row.createdAt,
      unfilled: Number(row.unfilled),
      device: path,
      deviceMount: path === null ? null : JSON.stringify(mount),
      driverOptions: row.driverOptions === undefined ? null : JSON.stringify(row.driverOptions),
    });
  }

  /** False where a container has it, or there is none. */
  remove(name: string): boolean {
    return this.statements.remove.run({ name }).changes > 0;
  }

  /** What the image has is in it, or it was not wanted there. */
  setFilled(name: string): void {
    this.statements.filled.run({ name });
  }

  /** In the transaction that inserts the container: from then on the volume is in use. It goes with the container's row. */
  attach(attachment: VolumeAttachment): void {
    this.statements.attach.run({ ...attachment });
  }

  /** All of them, by container and destination. */
  attachments(): VolumeAttachment[] {
    return this.statements.attachments.all({});
  }

  /** Ids of the containers that have it, whether they run or not. */
  usersOf(name: string): string[] {
    return this.statements.users.all({ name }).map(({ container }) => container);
  }
}

function rowOf(columns: Columns): VolumeRow {
  const { name, anonymous, labels, created_at: createdAt, unfilled } = columns;
  const { device: path, device_mount: mount, driver_options: asked } = columns;
  return {
    name,
    anonymous: anonymous === 1,
    labels: JSON.parse(labels) as Record<string, string>,
    createdAt,
    unfilled: unfilled === 1,
    ...(path === null || mount === null
      ? {}
      : { device: { path, ...(JSON.parse(mount) as Omit<VolumeDevice, 'path'>) } }),
    ...(asked === null ? {} : { driverOptions: JSON.parse(asked) as Record<string, string> }),
  };
}
