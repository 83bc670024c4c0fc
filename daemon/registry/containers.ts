/** Rows of containers, and their documents (request, spec, root). */
import type { Database, Statement } from 'better-sqlite3';
import type { Exit, Limits, RestartPolicy, Status } from '../../shared/api/container.ts';
import type { Health, HealthcheckRequest } from '../../shared/api/health.ts';
import type { LogDriver } from '../../shared/api/logs.ts';
import type { ContainerNetwork, Interface, PinNamespaces, Protocol } from '../../shared/api/network.ts';
import { type ExitColumns, exitColumns, exitOf } from './exit.ts';

/** Consecutive ports that a container is to be reached at. */
export interface Published {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** Absent: chosen at each start. */
  readonly hostPort?: number;
  /** One of these, from hostPort on, is chosen at each start. */
  readonly hostPortLast?: number;
  readonly count: number;
  /** Canonical; absent: all of both families. */
  readonly hostAddress?: string;
}

/** What a container is to have of networks; which ones are rows of their own (endpoints). */
export interface Networking {
  /** "none", "host", "bridge", "container:" with a whole id, or "ns:/PATH". */
  readonly mode: string;
  readonly publish: readonly Published[];
  readonly dns?: ContainerNetwork['dns'];
  readonly hosts?: ContainerNetwork['hosts'];
  readonly interfaces?: readonly Interface[];
  readonly pins?: PinNamespaces;
  /** They may be there: set with the intent to start. */
  readonly isPinned?: boolean;
  /** It has files of its own for names; the owner, where that is not root: that of a user namespace, on the host. */
  readonly files?: {
    readonly hostname: string;
    readonly domainname?: string;
    readonly owner?: { readonly uid: number; readonly gid: number };
  };
  /** Directories to be made before each start. */
  readonly mkdir?: readonly string[];
}

export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  /** What was begun and is not known to be done. */
  readonly intent: 'start' | null;
  readonly rootfs: string;
  readonly command: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly autoRemove: boolean;
  /** Name of the signal, such as "SIGTERM". */
  readonly stopSignal: string;
  /** Seconds. */
  readonly stopTimeout: number;
  /** 0: never rotated. */
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly pid: number | null;
  /** Field 22 of /proc/PID/stat. */
  readonly processStarted: number | null;
  readonly bootId: string | null;
  readonly exit: Exit | null;
  readonly failure: string | null;
  /** Index of the next poststop hook that the present or last run is owed; null: none. */
  readonly poststop: number | null;
  readonly network: Networking;
  readonly restart: RestartPolicy;
  /** How often the policy has started it again since its user did. */
  readonly restartCount: number;
  /** Its user ended it: a daemon that starts leaves it alone. */
  readonly stoppedByUser: boolean;
  /** In force, with every field filled; null: none. */
  readonly healthcheck: Required<HealthcheckRequest> | null;
  /** Of the present or last run. */
  readonly health: Health | null;
  readonly logDriver: LogDriver;
  /** Somebody else's control group that its own lie below; null: the daemon's. */
  readonly cgroupParent: string | null;
}

/** JSON texts, but `bundle`, a directory. */
export interface Documents {
  readonly request: string;
  readonly spec: string;
  readonly root: string;
  readonly bundle: string;
  /** The body of the Docker Engine API's create; null for containers of other clients. */
  readonly docker: string | null;
}

interface Columns extends ExitColumns {
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  readonly intent: 'start' | null;
  readonly rootfs: string;
  readonly command: string;
  readonly labels: string;
  readonly limits: string;
  readonly tty: number;
  readonly stdin: number;
  readonly auto_remove: number;
  readonly stop_signal: string;
  readonly stop_timeout: number;
  readonly log_max_bytes: number;
  readonly log_max_files: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly pid: number | null;
  readonly process_started: number | null;
  readonly boot_id: string | null;
  readonly failure: string | null;
  readonly poststop: number | null;
  readonly network: string;
  readonly restart: string;
  readonly restart_count: number;
  readonly stopped_by_user: number;
  readonly healthcheck: string | null;
  readonly health: string | null;
  readonly log_driver: LogDriver;
  readonly cgroup_parent: string | null;
}

export interface Started {
  readonly pid: number;
  readonly processStarted: number;
  readonly at: string;
}

type Fields = Record<string, string | number | null>;

export class ContainerRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<Columns>('SELECT * FROM containers ORDER BY created_at, id'),
      documents: prepare<Documents>('SELECT request, spec, root, bundle, docker FROM documents WHERE container = :id'),
      making: prepare<Pick<Documents, 'request' | 'root'>>('SELECT request, root FROM documents WHERE container = :id'),
      insert: prepare(`INSERT INTO containers (id, name, status, rootfs, command, labels, limits, tty, stdin,
          auto_remove, stop_signal, stop_timeout, log_max_bytes, log_max_files, created_at, network,
          restart, healthcheck, log_driver, cgroup_parent)
        VALUES (:id, :name, :status, :rootfs, :command, :labels, :limits, :tty, :stdin,
          :autoRemove, :stopSignal, :stopTimeout, :logMaxBytes, :logMaxFiles, :createdAt, :network,
          :restart, :healthcheck, :logDriver, :cgroupParent)`),
      insertDocuments: prepare(`INSERT INTO documents (container, request, spec, root, bundle, docker)
        VALUES (:id, :request, :spec, :root, :bundle, :docker)`),
      starting:
        prepare(`UPDATE containers SET intent = 'start', boot_id = :bootId, failure = NULL, poststop = :poststop,
          restart_count = :restartCount, stopped_by_user = 0
        WHERE id = :id`),
      started: prepare(`UPDATE containers SET status = 'running', intent = NULL, pid = :pid,
          process_started = :processStarted, started_at = :at, failure = NULL,
          exit_unknown = NULL, exit_code = NULL, exit_signal = NULL, exit_oom = NULL, exit_at = NULL
        WHERE id = :id`),
      startFailed: prepare(
        'UPDATE containers SET status = :status, intent = NULL, boot_id = NULL, failure = :failure WHERE id = :id',
      ),
      status: prepare('UPDATE containers SET status = :status WHERE id = :id'),
      failure: prepare('UPDATE containers SET failure = :failure WHERE id = :id'),
      poststop: prepare('UPDATE containers SET poststop = :poststop WHERE id = :id'),
      exited: prepare(`UPDATE containers SET status = :status, intent = NULL, pid = NULL, process_started = NULL,
          boot_id = NULL, stopped_by_user = :stoppedByUser, exit_unknown = :unknown, exit_code = :code, exit_signal = :signal, exit_oom = :oom, exit_at = :at
        WHERE id = :id`),
      rename: prepare('UPDATE containers SET name = :name WHERE id = :id'),
      limits: prepare('UPDATE containers SET limits = :limits WHERE id = :id'),
      network: prepare('UPDATE containers SET network = :network WHERE id = :id'),
      restart: prepare('UPDATE containers SET restart = :restart WHERE id = :id'),
      stoppedByUser: prepare('UPDATE containers SET stopped_by_user = 1 WHERE id = :id'),
      health: prepare('UPDATE containers SET health = :health WHERE id = :id'),
      spec: prepare('UPDATE documents SET spec = :spec WHERE container = :id'),
      delete: prepare('DELETE FROM containers WHERE id = :id'),
    };
  }

  /** Every row, oldest first. */
  all(): ContainerRow[] {
    return this.statements.all.all({}).map(rowOf);
  }

  documents(id: string): Documents | undefined {
    return this.statements.documents.get({ id });
  }

  /** Of its documents the small ones. */
  making(id: string): Pick<Documents, 'request' | 'root'> | undefined {
    return this.statements.making.get({ id });
  }

  insert(row: ContainerRow, documents: Documents): void {
    const { id, name, status, rootfs, stopSignal, stopTimeout, logMaxBytes, logMaxFiles, createdAt } = row;
    this.statements.insert.run({
      id,
      name,
      status,
      rootfs,
      command: JSON.stringify(row.command),
      labels: JSON.stringify(row.labels),
      limits: JSON.stringify(row.limits),
      tty: Number(row.tty),
      stdin: Number(row.stdin),
      autoRemove: Number(row.autoRemove),
      stopSignal,
      stopTimeout,
      logMaxBytes,
      logMaxFiles,
      createdAt,
      network: JSON.stringify(row.network),
      restart: JSON.stringify(row.restart),
      healthcheck: row.healthcheck === null ? null : JSON.stringify(row.healthcheck),
      logDriver: row.logDriver,
      cgroupParent: row.cgroupParent,
    });
    this.statements.insertDocuments.run({ id, ...documents });
  }

  /**
   * The intent to start, the boot in which it is, and whether poststop hooks are owed for it: 0 or null.
   *
   * @param restartCount - how often its policy has started it, this time included; 0: its user starts it
   */
  starting(id: string, bootId: string, poststop: 0 | null, restartCount = 0): void {
    this.statements.starting.run({ id, bootId, poststop, restartCount });
  }

  started(id: string, started: Started): void {
    this.statements.started.run({ id, ...started });
  }

  startFailed(id: string, status: Status, failure: string): void {
    this.statements.startFailed.run({ id, status, failure });
  }

  /** What went wrong with a start although the container was started. */
  setFailure(id: string, failure: string): void {
    this.statements.failure.run({ id, failure });
  }

  setPoststop(id: string, poststop: number | null): void {
    this.statements.poststop.run({ id, poststop });
  }

  setStatus(id: string, status: Status): void {
    this.statements.status.run({ id, status });
  }

  exited(id: string, status: Status, exit: Exit, stoppedByUser = false): void {
    this.statements.exited.run({ id, status, stoppedByUser: Number(stoppedByUser), ...exitColumns(exit) });
  }

  rename(id: string, name: string): void {
    this.statements.rename.run({ id, name });
  }

  setLimits(id: string, limits: Limits, spec: string): void {
    this.statements.limits.run({ id, limits: JSON.stringify(limits) });
    this.statements.spec.run({ id, spec });
  }

  setNetwork(id: string, network: Networking): void {
    this.statements.network.run({ id, network: JSON.stringify(network) });
  }

  setRestart(id: string, restart: RestartPolicy): void {
    this.statements.restart.run({ id, restart: JSON.stringify(restart) });
  }

  setStoppedByUser(id: string): void {
    this.statements.stoppedByUser.run({ id });
  }

  setHealth(id: string, health: Health): void {
    this.statements.health.run({ id, health: JSON.stringify(health) });
  }

  /** With its documents and execs; its events stay. */
  delete(id: string): void {
    this.statements.delete.run({ id });
  }
}

function rowOf(columns: Columns): ContainerRow {
  const { id, name, status, intent, rootfs, pid, failure } = columns;
  return {
    id,
    name,
    status,
    intent,
    rootfs,
    command: JSON.parse(columns.command) as string[],
    labels: JSON.parse(columns.labels) as Record<string, string>,
    limits: JSON.parse(columns.limits) as Limits,
    tty: columns.tty === 1,
    stdin: columns.stdin === 1,
    autoRemove: columns.auto_remove === 1,
    stopSignal: columns.stop_signal,
    stopTimeout: columns.stop_timeout,
    logMaxBytes: columns.log_max_bytes,
    logMaxFiles: columns.log_max_files,
    createdAt: columns.created_at,
    startedAt: columns.started_at,
    pid,
    processStarted: columns.process_started,
    bootId: columns.boot_id,
    exit: exitOf(columns),
    failure,
    poststop: columns.poststop,
    network: JSON.parse(columns.network) as Networking,
    restart: JSON.parse(columns.restart) as RestartPolicy,
    restartCount: columns.restart_count,
    stoppedByUser: columns.stopped_by_user === 1,
    healthcheck:
      columns.healthcheck === null ? null : (JSON.parse(columns.healthcheck) as Required<HealthcheckRequest>),
    health: columns.health === null ? null : (JSON.parse(columns.health) as Health),
    logDriver: columns.log_driver,
    cgroupParent: columns.cgroup_parent,
  };
}
