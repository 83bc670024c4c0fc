/** The engine's verbs on what is stored: images as a resource, volumes, and the disk as a whole. */
import type { Engine } from '../../api/engine.ts';
import type { Context } from '../context.ts';
import { imageHistory } from '../images/history.ts';
import { imageToRun, inspectImage } from '../images/inspect.ts';
import { listImages } from '../images/list.ts';
import { pruneImages } from '../images/prune.ts';
import { removeImage } from '../images/remove.ts';
import { tagImage } from '../images/tag.ts';
import { pruneContainers } from '../prune-containers.ts';
import { createVolume } from '../volumes/create.ts';
import { inspectVolume, listVolumes } from '../volumes/inspect.ts';
import { pruneVolumes } from '../volumes/prune.ts';
import { removeVolume } from '../volumes/remove.ts';
import { checkSystem } from './check.ts';
import { diskUsage } from './df.ts';
import { pruneSystem } from './prune.ts';

export type StorageVerbs = Pick<
  Engine,
  | 'listImages'
  | 'inspectImage'
  | 'imageConfig'
  | 'imageHistory'
  | 'tagImage'
  | 'removeImage'
  | 'pruneImages'
  | 'createVolume'
  | 'listVolumes'
  | 'inspectVolume'
  | 'removeVolume'
  | 'pruneVolumes'
  | 'pruneContainers'
  | 'diskUsage'
  | 'pruneSystem'
  | 'checkSystem'
>;

export function storageVerbs(context: Context): StorageVerbs {
  return {
    listImages: (query) => listImages(context, query),
    inspectImage: (ref) => inspectImage(context, ref),
    imageConfig: (ref, platform) => imageToRun(context, ref, platform),
    imageHistory: (ref) => imageHistory(context, ref),
    tagImage: (ref, request) => tagImage(context, ref, request),
    removeImage: (ref, query) => removeImage(context, ref, query),
    pruneImages: (request) => pruneImages(context, request),
    createVolume: (request, driverOptions) => createVolume(context, request, driverOptions),
    listVolumes: (query) => listVolumes(context, query),
    inspectVolume: (name) => inspectVolume(context, name),
    removeVolume: (name, query) => {
      removeVolume(context, name, query);
    },
    pruneVolumes: (request) => pruneVolumes(context, request),
    pruneContainers: (request) => pruneContainers(context, request),
    diskUsage: () => diskUsage(context),
    pruneSystem: (request) => pruneSystem(context, request),
    checkSystem: (request) => checkSystem(context, request),
  };
}
