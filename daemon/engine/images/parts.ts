/** Puts together what the verbs on images work with. Connections to registries are made ready as the first pull asks. */
import { UnpackAhead } from '../../images/archive/unpack-ahead.ts';
import { hostPlatform } from '../../images/manifest/platform.ts';
import type { Pace, RegistryLimits } from '../../images/registry/limits.ts';
import { Registries, type RegistriesSettings } from '../../images/registry/settings.ts';
import { ImageStore } from '../../images/store/image-store.ts';
import { Unpacker } from '../../images/unpack/unpacker.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Log } from '../context.ts';
import { ImageConfigs } from './configs.ts';
import type { ImageParts } from './context.ts';
import { unpackedMost } from './store-layers.ts';
import { ImageWork } from './work.ts';

/** Of a pull, under way or waiting for a thread; each has a file open. */
const LAYERS_AHEAD = 16;

/** Content, and what is in it, which is rarely ten times as large; and some space for all else that goes on. */
const roomAhead = (size: number): number => 256 * 1024 ** 2 + 16 * size;

export interface ImagePartsOptions {
  /** The daemon's root directory. */
  readonly root: string;
  readonly registry: Registry;
  readonly bootId: string;
  readonly version: string;
  /** What the configuration says of registries. Throws ImageError where it cannot be. */
  readonly registries: RegistriesSettings;
  readonly log: Log;
  readonly limits?: RegistryLimits;
  readonly pace?: Pace;
}

export function createImageParts(options: ImagePartsOptions): ImageParts {
  const { root, registry, bootId, version, registries, log, limits, pace } = options;
  const settings = new Registries(registries);
  const store = new ImageStore({
    root,
    records: registry.imageContent,
    bootId,
    onTrouble: (error) => {
      log.error({ err: error }, 'the store of images: work in the background failed');
    },
  });
  const unpacker = new Unpacker();
  const work = new ImageWork(store, log);
  const ahead = { layers: store.layers, unpacker, limitsOf: unpackedMost, roomOf: roomAhead };
  let transport: ReturnType<ImageParts['transport']> | undefined;
  return {
    store,
    unpacker,
    ahead: {
      load: new UnpackAhead({ ...ahead, most: 1 }),
      pull: new UnpackAhead({ ...ahead, most: LAYERS_AHEAD }),
    },
    work,
    configs: new ImageConfigs(),
    platform: hostPlatform(),
    ...(limits === undefined ? {} : { limits }),
    ...(pace === undefined ? {} : { pace }),
    // undici takes time to load and memory to have: both are for those who pull
    transport: () =>
      (transport ??= import('../../images/registry/transport.ts').then(
        ({ Transport }) =>
          new Transport({
            ...{ registries: settings, proxies: proxiesOf(process.env), userAgent: `tare/${version}` },
            ...(limits === undefined ? {} : { limits }),
          }),
      )),
    close: async () => {
      await Promise.all([work.close(), unpacker.close(), transport?.then((opened) => opened.close())]);
      await store.close();
    },
  };
}

/** As curl(1) reads them: in small letters, or but for http_proxy in capitals. */
function proxiesOf(env: NodeJS.ProcessEnv): { http?: string; https?: string; none?: string } {
  const http = env.http_proxy;
  const https = env.https_proxy ?? env.HTTPS_PROXY;
  const none = env.no_proxy ?? env.NO_PROXY;
  return {
    ...(http === undefined || http === '' ? {} : { http }),
    ...(https === undefined || https === '' ? {} : { https }),
    ...(none === undefined || none === '' ? {} : { none }),
  };
}
