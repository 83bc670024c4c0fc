/** What the verbs on images work with, besides the registry's rows: a part of the engine's Context. */
import type { UnpackAhead } from '../../images/archive/unpack-ahead.ts';
import type { Platform } from '../../images/manifest/platform.ts';
import type { Pace, RegistryLimits } from '../../images/registry/limits.ts';
import type { Transport } from '../../images/registry/transport.ts';
import type { ImageStore } from '../../images/store/image-store.ts';
import type { Unpacker } from '../../images/unpack/unpacker.ts';
import type { Context } from '../context.ts';
import type { ImageConfigs } from './configs.ts';
import type { ImageWork } from './work.ts';

/** What bringing images in and out takes of the Context. */
export type MovingContext = Pick<Context, 'images' | 'registry' | 'journal' | 'log'>;

export interface ImageParts {
  readonly store: ImageStore;
  readonly unpacker: Unpacker;
  /** For layers, while they are read from an archive or a registry. */
  readonly ahead: { readonly load: UnpackAhead; readonly pull: UnpackAhead };
  /** Through which all work goes that has a lease or takes its time. */
  readonly work: ImageWork;
  readonly configs: ImageConfigs;
  /** How long and how much a registry may take; absent: as DEFAULT_LIMITS has it. */
  readonly limits?: RegistryLimits;
  /** Of further tries, for tests. */
  readonly pace?: Pace;
  /** Connections to registries, which all pulls and pushes share. */
  readonly transport: () => Promise<Transport>;
  /** Of this machine: what is chosen of an index where nobody asks for another. */
  readonly platform: Platform;
  /** Ends the work, threads and connections. */
  readonly close: () => Promise<void>;
}
