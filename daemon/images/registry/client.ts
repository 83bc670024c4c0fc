/**
 * The client of the distribution specification 1.1 (github.com/opencontainers/distribution-spec): one for each pull, push
 * or login, with the credentials of who asks, over connections that all share. Every method throws RegistryFailure (an
 * ImageError) or the reason of its signal.
 */
import { digestAlgorithm, DigestVerifier, isDigest, type Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../manifest/fields.ts';
import { repositoryName, withDefaultTag, type Reference, type Repository } from '../reference.ts';
import type { CredentialSource } from './credentials.ts';
import { BlobDownload, type DownloadOptions } from './download.ts';
import { RegistryFailure } from './failure.ts';
import { DEFAULT_LIMITS, mirrorLimits, type Pace, type RegistryLimits } from './limits.ts';
import { fetchManifest, hasManifest, listTags, pushManifest, resolveTag, type FetchedManifest } from './manifests.ts';
import { blobSize, pushBlob, type PushOptions, type PushOutcome } from './push-blob.ts';
import { pullScope, repositoryPath } from './repository.ts';
import { REAL_PACE } from './retry.ts';
import { Session } from './session.ts';
import type { Source } from './settings.ts';
import { firstSource } from './sources.ts';
import type { Transport } from './transport.ts';
import type { BlobSource } from './upload.ts';

export interface RegistryClientOptions {
  /** Shared by all clients of the daemon. */
  readonly transport: Transport;
  readonly credentials?: CredentialSource;
  readonly limits?: RegistryLimits;
  readonly pace?: Pace;
  /** Told why a mirror was passed over. */
  readonly onMirrorFailure?: (mirror: string, error: ImageError) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FetchOptions extends CallOptions, DownloadOptions {
  /** false: ask the registry itself alone, as after a mirror's content was not what it should be. Default true. */
  readonly mirrors?: boolean;
}

export class RegistryClient {
  private readonly options: RegistryClientOptions;
  private readonly limits: RegistryLimits;
  private readonly sessions = new Map<string, readonly Session[]>();

  constructor(options: RegistryClientOptions) {
    this.options = options;
    this.limits = options.limits ?? DEFAULT_LIMITS;
  }

  /** What the reference means now; the digest in it, if it has one. */
  async resolve(reference: Reference, options: CallOptions = {}): Promise<Descriptor> {
    const { tag, digest } = withDefaultTag(reference);
    if (digest !== undefined || tag === undefined) return (await this.fetchManifest(reference, options)).descriptor;
    const what = this.name(reference, tag);
    const { signal } = options;
    const [descriptor] = await firstSource(this.all(reference), signal, async (session) => {
      const found = await resolveTag(session, reference, tag, what, signal);
      return found ?? (await fetchManifest(session, reference, tag, {}, what, signal)).descriptor;
    });
    return descriptor;
  }

  /** The manifest or index that a reference means (its digest counts before its tag), verified. */
  async fetchManifest(reference: Reference, options: CallOptions = {}): Promise<FetchedManifest> {
    const { tag, digest } = withDefaultTag(reference);
    const target = digest ?? tag;
    if (target === undefined) throw new TypeError('a reference has a tag or a digest');
    const what = this.name(reference, target);
    const { signal } = options;
    const expected = digest === undefined ? {} : { digest };
    const [manifest] = await firstSource(this.all(reference), signal, (session) =>
      fetchManifest(session, reference, target, expected, what, signal),
    );
    return manifest;
  }

  /** The manifest that a descriptor names: of an index's entry, or of `resolve`. Verified, its type and size too. */
  async fetchDescribed(
    repository: Repository,
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<FetchedManifest> {
    const what = this.name(repository, descriptor.digest);
    const { signal } = options;
    const [manifest] = await firstSource(this.all(repository), signal, (session) =>
      fetchManifest(session, repository, descriptor.digest, descriptor, what, signal),
    );
    return manifest;
  }

  /**
   * A blob as a stream, which goes on by itself where a connection breaks. `from` in the answer is the stream's first
   * byte: the one asked for, or 0 where the registry gives no parts. The stream gives as many bytes as the descriptor
   * says, less `from`; their digest is for the consumer to verify. It must be read to its end, or `return` called.
   */
  async fetchBlob(
    repository: Repository,
    descriptor: Descriptor,
    options: FetchOptions = {},
  ): Promise<{ stream: BlobDownload; from: number }> {
    const what = this.name(repository, descriptor.digest);
    if (descriptor.size > this.limits.blobBytesMax) {
      const most = this.limits.blobBytesMax;
      throw new RegistryFailure('too_large', `${what}: it is to be ${descriptor.size} bytes long, more than ${most}`);
    }
    const sessions = options.mirrors === false ? [this.own(repository)] : this.all(repository);
    const stream = await BlobDownload.open({ sessions, repository, descriptor, what }, options);
    return { stream, from: stream.from };
  }

  /** Whether others are asked before the registry itself. */
  hasMirrors(repository: Repository): boolean {
    return this.all(repository).length > 1;
  }

  /** A small blob, such as an image's configuration, verified. Throws too_large beyond 4 MiB. */
  async readBlob(repository: Repository, descriptor: Descriptor, options: CallOptions = {}): Promise<Buffer> {
    const what = this.name(repository, descriptor.digest);
    if (descriptor.size > DOCUMENT_BYTES_MAX) {
      const problem = `it is to be ${descriptor.size} bytes long, more than ${DOCUMENT_BYTES_MAX}`;
      throw new RegistryFailure('too_large', `${what}: ${problem}`);
    }
    const [bytes] = await firstSource(this.all(repository), options.signal, async (session) => {
      const source = { sessions: [session], repository, descriptor, what };
      const verifier = new DigestVerifier(descriptor.digest);
      const pieces: Uint8Array[] = [];
      for await (const piece of await BlobDownload.open(source, options)) {
        verifier.update(piece);
        pieces.push(piece);
      }
      verifier.verify(`${what} from ${session.source.name}`);
      return Buffer.concat(pieces);
    });
    return bytes;
  }

  /** Whether the registry itself has the blob. */
  async hasBlob(repository: Repository, digest: Digest, options: CallOptions = {}): Promise<boolean> {
    const session = this.own(repository);
    const scopes = [pullScope(repositoryPath(session.source, repository))];
    const what = this.name(repository, digest);
    return (await blobSize(session, repository, digest, scopes, what, options.signal)) !== undefined;
  }

  async hasManifest(repository: Repository, digest: Digest, options: CallOptions = {}): Promise<boolean> {
    return hasManifest(this.own(repository), repository, digest, this.name(repository, digest), options.signal);
  }

  /** Sends the blob, unless it is there or can be taken over from another repository. */
  async pushBlob(
    repository: Repository,
    descriptor: Descriptor,
    source: BlobSource,
    options: PushOptions = {},
  ): Promise<PushOutcome> {
    const what = this.name(repository, descriptor.digest);
    const { transport } = this.options;
    return pushBlob({ session: this.own(repository), transport, repository, descriptor, what }, source, options);
  }

  /** `target`: a tag, or the manifest's own digest. What it names must be there already. */
  async pushManifest(
    repository: Repository,
    target: string,
    manifest: FetchedManifest,
    options: CallOptions = {},
  ): Promise<void> {
    if (isDigest(target) && target !== manifest.descriptor.digest) {
      const hint = digestAlgorithm(target);
      throw new ImageError('digest_mismatch', `${this.name(repository, target)}: the manifest has another ${hint}`);
    }
    const what = this.name(repository, target);
    await pushManifest(this.own(repository), repository, target, manifest, what, options.signal);
  }

  async listTags(repository: Repository, options: CallOptions = {}): Promise<string[]> {
    return listTags(this.own(repository), repository, repositoryName(repository), options.signal);
  }

  /**
   * Whether the registry takes the credentials: throws unauthorized where not. Gives the identity token to keep instead of
   * the password, where the registry has such.
   */
  async login(registry: string, options: CallOptions = {}): Promise<{ identityToken?: string }> {
    const identityToken = await this.own({ registry }).login(options.signal);
    return identityToken === undefined ? {} : { identityToken };
  }

  private name(repository: Repository, target: string): string {
    return `${repositoryName(repository)}${isDigest(target) ? '@' : ':'}${target}`;
  }

  /** The registry's own. */
  private own({ registry }: Pick<Repository, 'registry'>): Session {
    const session = this.all({ registry }).at(-1);
    if (session === undefined) throw new RangeError('a registry is a source of its own');
    return session;
  }

  private all({ registry }: Pick<Repository, 'registry'>): readonly Session[] {
    const known = this.sessions.get(registry);
    if (known !== undefined) return known;
    const sessions = this.options.transport.registries.sources(registry).map((source) => this.session(source));
    this.sessions.set(registry, sessions);
    return sessions;
  }

  private session(source: Source): Session {
    const { transport, credentials, pace = REAL_PACE, onMirrorFailure } = this.options;
    return new Session(transport, source, {
      limits: source.isMirror ? mirrorLimits(this.limits) : this.limits,
      pace,
      credential: credentials?.(source.name),
      onFailure: (error) => onMirrorFailure?.(source.name, error),
    });
  }
}
