/**
 * What the API edge needs of the engine. The engine (daemon/engine/engine.ts) implements it and never imports
 * fastify. `ref` is an id, a unique beginning of one (at least 1 character), or a name; a `not_found` or
 * `ambiguous_reference` EngineError says so. Every function throws EngineError (daemon/engine/errors.ts), and
 * nothing else on purpose.
 */
import type { Readable } from 'node:stream';
import type {
  ContainerDetail,
  ContainerSummary,
  CreateRequest,
  CreateResponse,
  Exit,
  ListQuery,
  MountPoint,
  StopRequest,
  Top,
  UpdateRequest,
  WaitQuery,
} from '../../shared/api/container.ts';
import type { LogEntry, LogQuery } from '../../shared/api/logs.ts';
import type {
  ConnectRequest,
  DisconnectRequest,
  Endpoint,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkDetail,
  NetworkListQuery,
  NetworkPruneRequest,
  NetworkPruneResponse,
  NetworkSummary,
} from '../../shared/api/network.ts';
import type { BuildPruneRequest, BuildPruneResponse, BuildQuery, BuildResponse } from '../../shared/api/build.ts';
import type { Event, EventQuery } from '../../shared/api/event.ts';
import type { ExecDetail, ExecRequest, ResizeRequest } from '../../shared/api/exec.ts';
import type { ArchiveQuery, ExtractQuery, PathStat } from '../../shared/api/files.ts';
import type {
  CommitRequest,
  ImageDetail,
  ImageHistoryEntry,
  ImageListQuery,
  ImagePruneRequest,
  ImagePruneResponse,
  ImageRemoveQuery,
  ImageRemoveResponse,
  ImageRunConfig,
  ImageSummary,
  ImageTagRequest,
  ImportQuery,
  LoadQuery,
  LoadResponse,
  LoginRequest,
  LoginResponse,
  Progress,
  PullRequest,
  PullResponse,
  PushRequest,
  PushResponse,
  RemoteImage,
  RemoteQuery,
  SaveRequest,
  StoredImage,
} from '../../shared/api/image.ts';
import type {
  ContainerPruneRequest,
  ContainerPruneResponse,
  DiskUsage,
  SystemCheckRequest,
  SystemCheckResponse,
  SystemPruneRequest,
  SystemPruneResponse,
} from '../../shared/api/storage.ts';
import type { Stats, StatsQuery } from '../../shared/api/stats.ts';
import type { Info, Version } from '../../shared/api/system.ts';
import type {
  Volume,
  VolumeCreateRequest,
  VolumeListQuery,
  VolumePruneRequest,
  VolumePruneResponse,
  VolumeRemoveQuery,
} from '../../shared/api/volume.ts';

export type OutputStream = 'stdout' | 'stderr';

/** How an attachment ended. `exit` absent: the process goes on (cut off, or the daemon lets go). */
export interface AttachEnd {
  readonly exit?: Exit;
  readonly reason: 'exited' | 'slow' | 'shim_lost' | 'closing' | 'removed' | 'start_failed';
  readonly message?: string;
}

export interface OutputSink {
  /** Returns false when it wants no more until `Attachment.resume()`. `bytes` is the sink's to keep. */
  output(stream: OutputStream, bytes: Buffer): boolean;
  /** Once, after the last output. */
  end(end: AttachEnd): void;
}

/** The streams of one process, for one client. Made before the WebSocket's 101, so that errors are plain HTTP. */
export interface Attachment {
  readonly terminal: boolean;
  /** Begins to deliver; what came before is held (bounded by the shim's backpressure), not lost. */
  begin(sink: OutputSink): void;
  /** Writes to stdin. Returns false when the caller should hold until `onDrain`. */
  write(bytes: Buffer): boolean;
  onDrain(callback: () => void): void;
  endStdin(): void;
  resize(size: ResizeRequest): Promise<void>;
  resume(): void;
  /** The client has gone. */
  close(): void;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Send what the log holds first. */
  readonly logs: boolean;
  /** Whether the end of the session, or of its input, is the end of the process's; default: unless that has a terminal. */
  readonly closesStdin?: boolean;
}

export interface ExecStart {
  readonly tty?: { rows: number; columns: number };
}

/** A container as lists of the Docker Engine API show it. */
export interface ContainerOverview extends ContainerSummary {
  readonly networkMode: string;
  /** The mode was asked for by its name. */
  readonly namesMode: boolean;
  /** "80/tcp" */
  readonly exposedPorts: readonly string[];
  readonly mounts: readonly MountPoint[];
  readonly endpoints: readonly Endpoint[];
  readonly failure: string | null;
}

/** What a container takes of its image. */
export interface ImageToRun {
  readonly id: string;
  readonly platform: string;
  readonly run: ImageRunConfig;
}

/** Bytes on the disk. */
export interface ContainerSize {
  readonly written: number;
  /** With the layers of its image. */
  readonly root: number;
}

/** Kinds of things that paths name. */
export type Resource = 'container' | 'network' | 'image' | 'volume';

/** Told while long work goes on; neither waits nor throws. */
export type Report = (progress: Progress) => void;

/** The same of what must come in order and without a gap; where it gives a promise, no more is told before that resolves. */
export type Tell = (progress: Progress) => Promise<void> | undefined;

/** Bytes on their way to a client, who may leave them in the middle: then the stream is destroyed. */
export interface Download {
  /** Beside the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of what readArchive() was asked for. */
  readonly stat?: PathStat;
  readonly stream: AsyncIterable<Uint8Array>;
  /**
   * Writes the same to a socket that does not block, as chunks of HTTP (RFC 9112) without the last one: another thread does
   * it, and nobody else may write there until this resolves. In place of reading `stream`.
   */
  readonly writeTo?: (socket: number) => Promise<void>;
}

/** A body that is read from the connection itself. */
export interface DirectBody {
  readonly fd: number;
  /** Absent: it comes in chunks. */
  readonly length?: number;
}

/** An upload whose client waits until it is wanted. */
export interface DirectUpload {
  /**
   * Once: it is wanted, and comes from now on. The descriptor is in use until the engine's work is settled. Throws
   * ConnectionFailure where the client has gone.
   */
  claim(): DirectBody;
}

/** The text of the header X-Registry-Auth, if there was one. */
export type RegistryAuth = string | undefined;

export interface Engine {
  /** `docker`: the body of the Docker Engine API's create as JSON, kept to be shown to its clients again. */
  create(request: CreateRequest, docker?: string): Promise<CreateResponse>;
  /** That body, read; undefined for containers of other clients. */
  dockerRequest(ref: string): unknown;
  list(query: ListQuery): ContainerSummary[];
  /** As `list`, with what it takes more than a summary to show. */
  overview(query: ListQuery): ContainerOverview[];
  containerSize(ref: string): Promise<ContainerSize>;
  inspect(ref: string): ContainerDetail;
  start(ref: string): Promise<void>;
  stop(ref: string, request: StopRequest): Promise<void>;
  restart(ref: string, request: StopRequest): Promise<void>;
  /** `signal`: a name or a number as text; absent is KILL. */
  kill(ref: string, signal: string | undefined): Promise<void>;
  pause(ref: string): Promise<void>;
  resume(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  update(ref: string, request: UpdateRequest): Promise<void>;
  /** For `removed` the exit the container had when it went. Rejects with the signal's reason when aborted. */
  wait(ref: string, condition: NonNullable<WaitQuery['condition']>, signal: AbortSignal): Promise<Exit>;
  remove(ref: string, options: { force: boolean; volumes?: boolean }): Promise<void>;
  /** `options`: those of ps(1); default -ef. */
  top(ref: string, options?: string): Promise<Top>;
  /** What it uses: one, or with `stream` one each second until it is removed. */
  stats(ref: string, query: StatsQuery, signal: AbortSignal): AsyncIterable<Stats>;
  resize(ref: string, size: ResizeRequest): Promise<void>;
  /**
   * Ends when the container has ended and all is told (follow), or at once after the last line. With `latin1` each
   * character of a text is a byte that was written.
   */
  logs(
    ref: string,
    query: LogQuery,
    signal: AbortSignal,
    encoding?: 'utf8' | 'latin1',
  ): Promise<AsyncIterable<LogEntry>>;
  attach(ref: string, options: AttachOptions): Promise<Attachment>;
  /** A client let go of the container by its keys: an event, and nothing more. */
  detached(ref: string): void;

  createExec(ref: string, request: ExecRequest): Promise<{ id: string }>;
  /** Starts and attaches in one: no output is lost. */
  startExecAttached(id: string, start: ExecStart): Promise<Attachment>;
  startExec(id: string): Promise<void>;
  attachExec(id: string): Promise<Attachment>;
  /** As `detached`, of an exec. */
  detachedExec(id: string): void;
  inspectExec(id: string): ExecDetail;
  resizeExec(id: string, size: ResizeRequest): Promise<void>;

  createNetwork(request: NetworkCreateRequest): NetworkCreateResponse;
  listNetworks(query: NetworkListQuery): NetworkSummary[];
  inspectNetwork(ref: string): NetworkDetail;
  removeNetwork(ref: string): Promise<void>;
  pruneNetworks(request: NetworkPruneRequest): Promise<NetworkPruneResponse>;
  /** The network of containers that name none; made where it is not there yet. */
  defaultNetwork(): NetworkSummary;
  connect(ref: string, request: ConnectRequest): Promise<void>;
  disconnect(ref: string, request: DisconnectRequest): Promise<void>;

  /** All work on images ends with the signal's reason where it is aborted; what a pull has fetched is kept for a while. */
  pullImage(request: PullRequest, auth: RegistryAuth, report: Report, signal: AbortSignal): Promise<PullResponse>;
  pushImage(
    ref: string,
    request: PushRequest,
    auth: RegistryAuth,
    report: Report,
    signal: AbortSignal,
  ): Promise<PushResponse>;
  /** Throws `registry_unauthorized` where the registry does not take the credentials. */
  /** What a registry has under a name, without fetching it. */
  remoteImage(query: RemoteQuery, auth: RegistryAuth, signal: AbortSignal): Promise<RemoteImage>;
  login(request: LoginRequest, auth: RegistryAuth, signal: AbortSignal): Promise<LoginResponse>;
  /** `stream`: a docker-archive or oci-archive, plain or compressed. */
  loadImages(stream: Readable, query: LoadQuery, report: Report, signal: AbortSignal): Promise<LoadResponse>;
  saveImages(request: SaveRequest, signal: AbortSignal): Promise<Download>;
  /** `stream`: a root file system as a tar archive, plain or compressed. */
  importImage(stream: Readable, query: ImportQuery, report: Report, signal: AbortSignal): Promise<StoredImage>;

  /**
   * `stream`: the context as a tar archive, plain or compressed. `registryConfig`: the text of the header
   * X-Registry-Config, if there was one. Told are `output` for whoever watches, and what pulls of base images tell.
   */
  buildImage(
    stream: Readable,
    query: BuildQuery,
    registryConfig: string | undefined,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<BuildResponse>;
  pruneBuilds(request: BuildPruneRequest): Promise<BuildPruneResponse>;

  listImages(query: ImageListQuery): Promise<ImageSummary[]>;
  inspectImage(ref: string): Promise<ImageDetail>;
  /** Its id, and how containers of it run; far less work than `inspectImage`. Throws as creating a container of it does. */
  imageConfig(ref: string, platform: string | undefined): Promise<ImageToRun>;
  imageHistory(ref: string): Promise<ImageHistoryEntry[]>;
  tagImage(ref: string, request: ImageTagRequest): Promise<void>;
  removeImage(ref: string, query: ImageRemoveQuery): Promise<ImageRemoveResponse>;
  pruneImages(request: ImagePruneRequest): Promise<ImagePruneResponse>;

  /** Pauses it meanwhile, unless the request says otherwise. */
  commitContainer(ref: string, request: CommitRequest, signal: AbortSignal): Promise<StoredImage>;
  /** Its whole root, without what is mounted in it. */
  exportContainer(ref: string, signal: AbortSignal): Promise<Download>;
  /** A JSON array of Change. */
  containerChanges(ref: string, signal: AbortSignal): Promise<Download>;
  readArchive(ref: string, query: ArchiveQuery, signal: AbortSignal): Promise<Download>;
  statPath(ref: string, query: ArchiveQuery, signal: AbortSignal): Promise<PathStat>;
  /** `stream`: a tar archive, plain or compressed. */
  extractArchive(ref: string, query: ExtractQuery, stream: Readable | DirectUpload, signal: AbortSignal): Promise<void>;

  /** `driverOptions`: as a client of Docker's API asked for the device, to be shown to it again. */
  createVolume(request: VolumeCreateRequest, driverOptions?: Readonly<Record<string, string>>): Volume;
  listVolumes(query: VolumeListQuery): Volume[];
  inspectVolume(name: string): Volume;
  removeVolume(name: string, query: VolumeRemoveQuery): void;
  pruneVolumes(request: VolumePruneRequest): Promise<VolumePruneResponse>;

  pruneContainers(request: ContainerPruneRequest): Promise<ContainerPruneResponse>;
  diskUsage(): Promise<DiskUsage>;
  pruneSystem(request: SystemPruneRequest): Promise<SystemPruneResponse>;
  checkSystem(request: SystemCheckRequest): Promise<SystemCheckResponse>;

  /** Live events after what `since` asks for; ends at `until`. */
  events(query: EventQuery, signal: AbortSignal): AsyncIterable<Event>;
  version(): Version;
  info(): Info;
  /** What `ref` names, for the audit log: a full id, the name of a volume; undefined if there is none. */
  identify(ref: string, resource?: Resource): string | undefined;
}
