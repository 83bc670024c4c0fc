/**
 * Image configurations: OCI image-spec 1.1, config.md, and what Docker adds (Healthcheck, OnBuild, Shell). All of it is
 * what a stranger wrote; nothing here gives it any power.
 */
import type { Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import { isDigest } from '../digest.ts';
import { Fields } from './fields.ts';
import { LAYERS_MAX, type ImageManifest } from './manifest.ts';
import { parsePlatformFields, type Platform } from './platform.ts';

export interface Healthcheck {
  /** ["NONE"], ["CMD", …], ["CMD-SHELL", command], or empty: as the image below has it. */
  readonly test?: readonly string[];
  /** Nanoseconds, as all of these. */
  readonly interval?: number;
  readonly timeout?: number;
  readonly startPeriod?: number;
  readonly startInterval?: number;
  readonly retries?: number;
}

/** How a container of the image runs, where its user says nothing else. */
export interface RunConfig {
  readonly user?: string;
  /** "80/tcp" */
  readonly exposedPorts?: readonly string[];
  /** "NAME=value" */
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly volumes?: readonly string[];
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly healthcheck?: Healthcheck;
  readonly shell?: readonly string[];
  readonly onBuild?: readonly string[];
}

export interface HistoryEntry {
  readonly created?: string;
  readonly createdBy?: string;
  readonly author?: string;
  readonly comment?: string;
  /** It made no layer. */
  readonly isEmpty: boolean;
}

export interface ImageConfig {
  readonly platform: Platform;
  readonly created?: string;
  readonly author?: string;
  readonly run: RunConfig;
  /** Digests of the layers' uncompressed tar archives, the lowest first. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
}

const WORDS_MAX = 65536;
const HISTORY_MAX = 4 * LAYERS_MAX;

/** A property only where it says something: with exactOptionalPropertyTypes undefined is not absent. */
function present<T extends object>(properties: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as T;
}

function parseHealthcheck(fields: Fields): Healthcheck {
  return present<Required<Healthcheck>>({
    test: fields.texts('Test', WORDS_MAX),
    interval: fields.integer('Interval', 0),
    timeout: fields.integer('Timeout', 0),
    startPeriod: fields.integer('StartPeriod', 0),
    startInterval: fields.integer('StartInterval', 0),
    retries: fields.integer('Retries', 0),
  });
}

/** Text, where empty is what Go writes for none. */
function said(fields: Fields, name: string): string | undefined {
  const value = fields.text(name);
  return value === '' ? undefined : value;
}

/** ArgsEscaped is of Windows and passed over, as are the fields of containers that old programs left behind. */
function parseRun(fields: Fields): RunConfig {
  const healthcheck = fields.object('Healthcheck');
  return present<Required<RunConfig>>({
    user: said(fields, 'User'),
    exposedPorts: fields.nameSet('ExposedPorts'),
    env: fields.texts('Env', WORDS_MAX),
    entrypoint: fields.texts('Entrypoint', WORDS_MAX),
    cmd: fields.texts('Cmd', WORDS_MAX),
    volumes: fields.nameSet('Volumes'),
    workingDir: said(fields, 'WorkingDir'),
    labels: fields.textMap('Labels'),
    stopSignal: said(fields, 'StopSignal'),
    healthcheck: healthcheck === undefined ? undefined : parseHealthcheck(healthcheck),
    shell: fields.texts('Shell', WORDS_MAX),
    onBuild: fields.texts('OnBuild', WORDS_MAX),
  });
}

function parseHistory(fields: Fields): HistoryEntry {
  const texts = present<Required<Omit<HistoryEntry, 'isEmpty'>>>({
    created: said(fields, 'created'),
    createdBy: said(fields, 'created_by'),
    author: said(fields, 'author'),
    comment: said(fields, 'comment'),
  });
  return { ...texts, isEmpty: fields.boolean('empty_layer') ?? false };
}

function parseDiffIds(fields: Fields): Digest[] {
  const rootfs = fields.required('rootfs', fields.object('rootfs'));
  if (rootfs.text('type') !== 'layers') rootfs.refuse('type', 'is not "layers"');
  // Go writes null for a list of none: an image without layers is sound.
  return (rootfs.texts('diff_ids', LAYERS_MAX) ?? []).map((text, index) =>
    isDigest(text) ? text : rootfs.refuse(`diff_ids[${index}]`, 'is not a digest'),
  );
}

/** `document` begins every message. Throws ImageError manifest_invalid or too_large. */
export function parseImageConfig(bytes: Uint8Array, document: string): ImageConfig {
  const fields = Fields.parse(bytes, document);
  for (const name of ['os', 'architecture']) if (said(fields, name) === undefined) fields.refuse(name, 'is missing');
  const run = fields.object('config');
  const times = present<{ created: string; author: string }>({
    created: said(fields, 'created'),
    author: said(fields, 'author'),
  });
  return {
    platform: parsePlatformFields(fields),
    ...times,
    run: run === undefined ? {} : parseRun(run),
    diffIds: parseDiffIds(fields),
    history: (fields.objects('history', HISTORY_MAX) ?? []).map(parseHistory),
  };
}

/** Throws ImageError manifest_invalid where the manifest and the configuration are of different images. */
export function checkLayerCount(manifest: ImageManifest, config: ImageConfig, document: string): void {
  const [layers, diffIds] = [manifest.layers.length, config.diffIds.length];
  if (layers === diffIds) return;
  throw new ImageError(
    'manifest_invalid',
    `${document}: it has ${layers} layers, and its configuration names ${diffIds}`,
  );
}

function healthcheckJson({ test, interval, timeout, startPeriod, startInterval, retries }: Healthcheck): object {
  return present({
    Test: test,
    Interval: interval,
    Timeout: timeout,
    StartPeriod: startPeriod,
    StartInterval: startInterval,
    Retries: retries,
  });
}

/** A set as Go's programs write it. */
function setJson(names: readonly string[] | undefined): Record<string, object> | undefined {
  return names === undefined ? undefined : Object.fromEntries(names.toSorted().map((name) => [name, {}]));
}

function runJson(run: RunConfig): object {
  return present({
    User: run.user,
    ExposedPorts: setJson(run.exposedPorts),
    Env: run.env,
    Entrypoint: run.entrypoint,
    Cmd: run.cmd,
    Volumes: setJson(run.volumes),
    WorkingDir: run.workingDir,
    Labels: run.labels,
    StopSignal: run.stopSignal,
    Healthcheck: run.healthcheck === undefined ? undefined : healthcheckJson(run.healthcheck),
    Shell: run.shell,
    OnBuild: run.onBuild,
  });
}

/** The document of a configuration that is made here (commit, import): the same bytes for the same content. */
export function encodeImageConfig(config: ImageConfig): Buffer {
  const { platform, created, author, run, diffIds, history } = config;
  const document = present({
    created,
    author,
    architecture: platform.architecture,
    os: platform.os,
    'os.version': platform.osVersion,
    'os.features': platform.osFeatures,
    variant: platform.variant,
    config: runJson(run),
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: history.map((entry) =>
      present({
        created: entry.created,
        created_by: entry.createdBy,
        author: entry.author,
        comment: entry.comment,
        empty_layer: entry.isEmpty ? true : undefined,
      }),
    ),
  });
  return Buffer.from(JSON.stringify(document));
}
