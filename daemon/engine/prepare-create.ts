/** What a create request comes to, before anything is made: its spec, its root, its mounts, its network. */
import type { CreateRequest } from '../../shared/api/container.ts';
import { checkDetachKeys } from './detach-keys.ts';
import type { RootSource } from '../runtime/plan/target.ts';
import type { Spec } from '../runtime/spec/types.ts';
import { readBundle } from './bundle.ts';
import { checkedParent } from './cgroup-parent.ts';
import type { Context } from './context.ts';
import { withAllPublished } from './endpoints/exposed.ts';
import { type NetworkRoot, type PreparedNetwork, prepareBundleNetwork, prepareNetwork } from './endpoints/prepare.ts';
import { EngineError } from './errors.ts';
import { type ImageRoot, imageRoot, platformWarnings } from './from-image/image-root.ts';
import { LayeredRoot } from './from-image/layered-root.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { blamedOnImage, withImageConfig } from './from-image/merge-config.ts';
import { signalOf } from './kill.ts';
import { limitWarnings } from './limits.ts';
import { type PreparedModes, prepareModes } from './modes/modes.ts';
import { type PreparedMounts, prepareMounts } from './mounts/prepare.ts';
import { type ChosenRoot, bundleRoot, chooseRoot, layeredRoot } from './root-source.ts';
import { type KeptSecret, prepareSecrets } from './secrets/secrets.ts';
import { specOfRequest } from './spec-of-request.ts';

export interface Prepared {
  /** With the image's part in it. */
  readonly request: CreateRequest;
  readonly spec: Spec;
  /** Real path of the directory; "" of an image. */
  readonly rootfs: string;
  readonly made: MadeOf;
  readonly bundle: string;
  readonly network: PreparedNetwork;
  readonly image: ImageRoot | undefined;
  readonly mounts: Pick<PreparedMounts, 'volumes' | 'images'>;
  readonly warnings: readonly string[];
  /** Null: the daemon's own. */
  readonly cgroupParent: string | null;
}

/** Throws EngineError, by the request's fields. Nothing is made. */
export async function prepareCreate(context: Context, request: CreateRequest, id: string): Promise<Prepared> {
  checkDetachKeys(request.detachKeys);
  const cgroupParent = checkedParent(context, request);
  const prepared = { ...(await prepareRoot(context, request, id)), cgroupParent };
  return request.init === true ? { ...prepared, made: { ...prepared.made, init: true } } : prepared;
}

type PreparedRoot = Omit<Prepared, 'cgroupParent'>;

async function prepareRoot(context: Context, request: CreateRequest, id: string): Promise<PreparedRoot> {
  const { image, rootfs, bundle } = request;
  const given = (['image', 'rootfs', 'bundle'] as const).filter((field) => request[field] !== undefined);
  const [, second] = given;
  if (second !== undefined)
    throw invalid(second, `one of image, rootfs and bundle can be given, not ${given.join(' and ')}`);
  if (request.platform !== undefined && image === undefined) throw invalid('platform', 'has no meaning without image');
  if (bundle !== undefined) return ofBundle(context, { ...request, bundle }, id);
  if (image !== undefined) return ofImage(context, { ...request, image }, id);
  if (rootfs !== undefined) return ofDirectory(context, { ...request, rootfs }, id);
  throw invalid('rootfs', 'is missing: a directory with a root file system, or image, or bundle');
}

async function ofBundle(
  context: Context,
  request: CreateRequest & { bundle: string },
  id: string,
): Promise<PreparedRoot> {
  const read = readBundle(request);
  const secrets = await prepareSecrets(request);
  const { source, warnings } = bundleRoot(request, id, read, context.places);
  const root = { path: read.rootfs, isFixed: source.kind === 'bind' && read.spec.root?.readonly === true };
  const network = prepareBundleNetwork({ context, request, id, root }, read.spec);
  return {
    request,
    spec: network.spec,
    rootfs: read.rootfs,
    made: { ...source, ...keptOf(secrets) },
    bundle: read.directory,
    network,
    image: undefined,
    mounts: { volumes: [], images: [] },
    warnings: [...read.warnings, ...warnings, ...limitWarnings(request.limits ?? {}), ...network.warnings],
  };
}

async function ofDirectory(
  context: Context,
  asked: CreateRequest & { rootfs: string },
  id: string,
): Promise<PreparedRoot> {
  const request = { ...asked, ...withAllPublished(asked) };
  const chosen = chooseRoot(request, id, context.places);
  const mounts = await prepareMounts(context, request, id, undefined);
  const secrets = await prepareSecrets(request);
  const { directory, readonly, source } = chosen;
  const root = { path: directory, isFixed: source.kind === 'bind' && readonly };
  const made = { request, image: undefined, chosen, mounts, secrets, bundle: directory };
  return withSpec(context, made, id, root);
}

async function ofImage(context: Context, asked: CreateRequest & { image: string }, id: string): Promise<PreparedRoot> {
  const image = await imageRoot(context, asked.image, asked.platform, 'image');
  const request = withAllPublished(withImageConfig(asked, image), image.config.run.exposedPorts);
  const files = new LayeredRoot(image.layers);
  try {
    const chosen = layeredRoot(request, id, image.layers, context.places);
    if (request.stopSignal !== undefined) signalOf(request.stopSignal, 'stopSignal');
    const mounts = await prepareMounts(context, request, id, image);
    const secrets = await prepareSecrets(request);
    const root = { path: chosen.directory, isFixed: false, files };
    const made = { request, image, chosen, mounts, secrets, bundle: context.places.container(id) };
    return withSpec(context, made, id, root);
  } catch (error) {
    throw blamedOnImage(error, asked, image);
  } finally {
    files.close();
  }
}

interface Made {
  readonly request: CreateRequest;
  readonly image: ImageRoot | undefined;
  readonly chosen: ChosenRoot;
  readonly mounts: PreparedMounts;
  readonly secrets: readonly KeptSecret[];
  readonly bundle: string;
}

function withSpec(context: Context, made: Made, id: string, root: NetworkRoot): PreparedRoot {
  const { request, image, chosen, mounts, bundle } = made;
  const { directory: rootfs, readonly } = chosen;
  const { sharing, joins } = prepareModes(context, request);
  const network = prepareNetwork({ context, request, id, root }, (of) =>
    specOfRequest({
      ...{ request, id, rootfs, readonly, host: context.specHost, network: of, mounts: mounts.placed, sharing },
      ...(root.files === undefined ? {} : { files: root.files }),
    }),
  );
  const warnings = [...(image === undefined ? [] : platformWarnings(context, image)), ...chosen.warnings];
  return {
    request,
    spec: network.spec,
    rootfs: image === undefined ? rootfs : '',
    made: { ...madeOf(chosen.source, made), ...joinsOf(joins) },
    bundle,
    network,
    image,
    mounts,
    warnings: [...warnings, ...limitWarnings(request.limits ?? {}), ...network.warnings],
  };
}

function joinsOf(joins: PreparedModes['joins']): Pick<MadeOf, 'joins'> {
  return Object.keys(joins).length === 0 ? {} : { joins };
}

function keptOf(secrets: readonly KeptSecret[]): Pick<MadeOf, 'secrets'> {
  return secrets.length === 0 ? {} : { secrets };
}

function madeOf(source: RootSource, { mounts: { sources, volumes }, secrets, image }: Made): MadeOf {
  const noCopy = volumes.filter((volume) => volume.noCopy).map(({ destination }) => destination);
  const { exposedPorts = [], shell } = image?.config.run ?? {};
  return {
    ...source,
    ...(sources.length === 0 ? {} : { sources }),
    ...(noCopy.length === 0 ? {} : { noCopy }),
    ...keptOf(secrets),
    ...(image === undefined ? {} : { image: { exposedPorts, ...(shell === undefined ? {} : { shell }) } }),
  };
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
