/** What the verbs on images work with, besides the registry's rows: a part of the engine's Context. */
import type { Platform } from '../../images/manifest/platform.ts';
import type { Transport } from '../../images/registry/transport.ts';
import type { ImageStore } from '../../images/store/image-store.ts';
import type { Unpacker } from '../../images/unpack/unpacker.ts';

export interface ImageParts {
  readonly store: ImageStore;
  readonly unpacker: Unpacker;
  /** Connections to registries, which all pulls and pushes share. */
  readonly transport: () => Promise<Transport>;
  /** Of this machine: what is chosen of an index where nobody asks for another. */
  readonly platform: Platform;
  /** Ends the connections. */
  readonly close: () => Promise<void>;
}
