/**
 * The registry: what tared knows about its containers, in SQLite. One writer, the daemon that holds the lock of
 * the root directory. Commits are synchronous and short (WAL, synchronous=NORMAL: no fsync on the way).
 */
import Sqlite, { type Database } from 'better-sqlite3';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { BuildStepRepository } from './build-steps.ts';
import { checkDatabase } from './check.ts';
import { ContainerRepository } from './containers.ts';
import { EndpointRepository } from './endpoints.ts';
import { RegistryError, registryError } from './error.ts';
import { EventRepository } from './events.ts';
import { ExecRepository } from './execs.ts';
import { HostSettingRepository } from './host-settings.ts';
import { LeaseRepository } from './leases.ts';
import { MadeGroupRepository } from './made-groups.ts';
import { ContentRepository } from './images-content.ts';
import { ImageRepository } from './images.ts';
import { claim } from './lock.ts';
import { migrate } from './migrate.ts';
import { NetworkRepository } from './networks.ts';
import { PortRepository } from './ports.ts';
import { Reserve } from './reserve.ts';
import { VolumeRepository } from './volumes.ts';

export interface RegistryOptions {
  /** The daemon's root directory; holds `tare.db`, `lock` and `reserve`. */
  readonly root: string;
  /** The directory of NNNN_name.sql files. */
  readonly migrations: string;
}

export class Registry {
  readonly containers: ContainerRepository;
  readonly execs: ExecRepository;
  readonly events: EventRepository;
  readonly networks: NetworkRepository;
  readonly endpoints: EndpointRepository;
  readonly leases: LeaseRepository;
  readonly ports: PortRepository;
  readonly hostSettings: HostSettingRepository;
  readonly madeGroups: MadeGroupRepository;
  readonly images: ImageRepository;
  readonly imageContent: ContentRepository;
  readonly volumes: VolumeRepository;
  readonly buildSteps: BuildStepRepository;
  readonly reserve: Reserve;
  private readonly database: Database;
  private readonly lock: number;
  private readonly begin: (work: () => void) => void;

  private constructor(database: Database, lock: number, reserve: Reserve) {
    this.database = database;
    this.lock = lock;
    this.reserve = reserve;
    this.containers = new ContainerRepository(database);
    this.execs = new ExecRepository(database);
    this.events = new EventRepository(database);
    this.networks = new NetworkRepository(database);
    this.endpoints = new EndpointRepository(database);
    this.leases = new LeaseRepository(database);
    this.ports = new PortRepository(database);
    this.hostSettings = new HostSettingRepository(database);
    this.madeGroups = new MadeGroupRepository(database);
    this.images = new ImageRepository(database);
    this.imageContent = new ContentRepository(database);
    this.volumes = new VolumeRepository(database);
    this.buildSteps = new BuildStepRepository(database);
    const transaction = database.transaction((work: () => void) => {
      work();
    });
    this.begin = (work) => {
      transaction.immediate(work);
    };
  }

  /** Throws RegistryError: `locked`, `corrupt`, `newer`, `full`, `io`. */
  static open(options: RegistryOptions): Registry {
    const lock = claim(options.root);
    const path = join(options.root, 'tare.db');
    let database: Database | undefined;
    try {
      database = openDatabase(path);
      migrate(database, options.migrations);
      const reserve = new Reserve(join(options.root, 'reserve'));
      reserve.take();
      return new Registry(database, lock, reserve);
    } catch (error) {
      database?.close();
      closeSync(lock);
      throw registryError(error, path);
    }
  }

  /** One transaction: all of `work` or nothing. Throws RegistryError for what SQLite refuses. */
  commit(work: () => void): void {
    try {
      this.begin(work);
    } catch (error) {
      throw registryError(error, this.database.name);
    }
  }

  /** For the end of something, which must be recorded even when the disk is full: gives the reserve up if need be. */
  commitEnd(work: () => void): void {
    try {
      this.commit(work);
    } catch (error) {
      if (!(error instanceof RegistryError && error.kind === 'full' && this.reserve.release())) throw error;
      this.commit(work);
    }
  }

  /** What is wrong with the database, in words. */
  check(): Promise<string[]> {
    return checkDatabase(this.database);
  }

  close(): void {
    this.database.close();
    closeSync(this.lock);
  }
}

function openDatabase(path: string): Database {
  const database = new Sqlite(path, { timeout: 5000 });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('foreign_keys = ON');
    // room for the hot pages of a thousand containers; -N is KiB
    database.pragma('cache_size = -4096');
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok')
      throw new RegistryError('corrupt', `${path} is not a sound registry database: ${String(verdict)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
