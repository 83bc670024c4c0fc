/** A client of a registry of the test's own, with patience for tests only. */
import assert from 'node:assert/strict';
import { ImageError, type ImageErrorCode } from '../../../daemon/images/errors.ts';
import { RegistryClient, type RegistryClientOptions } from '../../../daemon/images/registry/client.ts';
import type { Credential } from '../../../daemon/images/registry/credentials.ts';
import { DEFAULT_LIMITS, type RegistryLimits } from '../../../daemon/images/registry/limits.ts';
import { Registries, type RegistriesSettings } from '../../../daemon/images/registry/settings.ts';
import { Transport } from '../../../daemon/images/registry/transport.ts';
import { parseReference, type Reference } from '../../../daemon/images/reference.ts';
import { TestRegistry, type TestDescriptor, type TestRegistryOptions } from '../../harness/registry.ts';

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export interface Bench {
  readonly registry: TestRegistry;
  readonly client: RegistryClient;
  /** Milliseconds of each pause between tries; none was waited. */
  readonly pauses: number[];
  /** The image "team/app:1" of the registry. */
  readonly reference: Reference;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface BenchOptions extends TestRegistryOptions {
  readonly settings?: (host: string) => RegistriesSettings;
  readonly credential?: Credential;
  readonly limits?: Partial<RegistryLimits>;
  readonly client?: Partial<RegistryClientOptions>;
}

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const registry = await TestRegistry.open(options);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const transport = new Transport({ registries: new Registries(options.settings?.(registry.host)), limits });
  const pauses: number[] = [];
  const { credential } = options;
  const client = new RegistryClient({
    transport,
    limits,
    credentials: (name) => (name === registry.host ? credential : undefined),
    pace: {
      sleep: (milliseconds) => {
        pauses.push(milliseconds);
        return Promise.resolve();
      },
      random: () => 0.5,
    },
    ...options.client,
  });
  return {
    registry,
    client,
    pauses,
    reference: parseReference(`${registry.host}/team/app:1`),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** An image with one layer of these bytes, at "team/app:1". */
export function addImage(registry: TestRegistry, layer: Buffer): { manifest: TestDescriptor; layer: TestDescriptor } {
  const blob = registry.addBlob('team/app', layer);
  const config = registry.addBlob('team/app', Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [blob] };
  return { manifest: registry.addManifest('team/app', '1', document, OCI_MANIFEST), layer: blob };
}

/** The promise fails with this code and a message that matches. */
export async function fails(promise: Promise<unknown>, code: ImageErrorCode, message: RegExp): Promise<ImageError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return error;
  }
  throw new assert.AssertionError({ message: `${code} was expected, and nothing failed` });
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Bytes that are not all the same, and the same each time. */
export function content(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}
