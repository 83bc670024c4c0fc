/** What pulls and pushes images, in the test's own process, with a patience that suits a test. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MovingContext } from '../../daemon/engine/images/context.ts';
import { createImageParts } from '../../daemon/engine/images/parts.ts';
import { Journal } from '../../daemon/engine/journal.ts';
import { DEFAULT_LIMITS, type RegistryLimits } from '../../daemon/images/registry/limits.ts';
import type { RegistriesSettings } from '../../daemon/images/registry/settings.ts';
import { Registry } from '../../daemon/registry/registry.ts';
import type { Event } from '../../shared/api/event.ts';

export interface MoverOptions {
  readonly registries?: RegistriesSettings;
  readonly limits?: Partial<RegistryLimits>;
}

export interface ImageMover {
  readonly root: string;
  readonly context: MovingContext;
  /** Since it was opened. */
  readonly events: () => Event[];
  /** What went wrong that no caller was told. */
  readonly errors: readonly object[];
  /** Names below the store's directories of contents and layers, and of what is on its way there. */
  readonly kept: () => Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

export async function openMover(options: MoverOptions = {}): Promise<ImageMover> {
  const root = await mkdtemp(join(tmpdir(), 'tare-mover-'));
  const registry = Registry.open({ root, migrations: MIGRATIONS });
  const errors: object[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => void errors.push(fields),
  };
  const images = createImageParts({
    ...{ root, registry, log, bootId: 'a-boot', version: '0.0.0', registries: options.registries ?? {} },
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    pace: { sleep: () => Promise.resolve(), random: () => 0.5 },
  });
  await images.work.recover();
  const journal = new Journal(registry, () => undefined);
  return {
    root,
    context: { images, registry, journal, log },
    events: () => registry.events.after(0, 1000),
    errors,
    kept: () => keptBelow(join(root, 'images')),
    async [Symbol.asyncDispose]() {
      await images.close();
      registry.close();
      await rm(root, { recursive: true });
    },
  };
}

async function keptBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const standing = new Set(['blobs', 'sha256', 'sha512', 'layers', 'ingest', 'unpack', 'trash']);
  return names.filter((entry) => !standing.has(entry.name)).map((entry) => join(entry.parentPath, entry.name));
}
