/** What the verbs of the store (collect, check, settle) work on. */
import type { BootStamps } from './boot-stamps.ts';
import type { ContentStore } from './content-store.ts';
import type { LayerStore } from './layer-store.ts';
import type { ContentRecords } from './records.ts';
import type { StorePlaces } from './store-places.ts';
import type { Trash } from './trash.ts';

export interface StoreParts {
  readonly places: StorePlaces;
  readonly records: ContentRecords;
  readonly trash: Trash;
  readonly stamps: BootStamps;
  readonly contents: ContentStore;
  readonly layers: LayerStore;
}
