/**
 * Rows of blobs, unpacked layers and leases: the ContentRecords of daemon/images/store/records.ts, where each method is
 * told. Each is one transaction, and throws RegistryError for what SQLite refuses.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Digest } from '../images/digest.ts';
import type {
  BlobRow,
  ContentRecords,
  ContentState,
  LayerRow,
  ManifestContents,
  TakeOptions,
  Unreferenced,
  Unsynced,
} from '../images/store/records.ts';
import { registryError } from './error.ts';

interface LayerColumns extends Omit<LayerRow, 'dependsOnLower' | 'hidesLower'> {
  readonly dependsOnLower: number;
  readonly hidesLower: number;
}

type Fields = Record<string, string | number | null>;

const LAYER = 'id, diff_id AS diffId, depends_on_lower AS dependsOnLower, hides_lower AS hidesLower, size, state';

/** Nothing has need of the blob `digest`. */
const BLOB_IS_FREE = `NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = blobs.digest)
  AND NOT EXISTS (SELECT 1 FROM manifests WHERE config = blobs.digest)
  AND NOT EXISTS (SELECT 1 FROM manifest_layers WHERE blob = blobs.digest)`;
const LAYER_IS_FREE = 'NOT EXISTS (SELECT 1 FROM manifest_layers WHERE layer = layers.id)';
const leased = (column: string): string =>
  `EXISTS (SELECT 1 FROM image_lease_contents WHERE image_lease_contents.digest = ${column})`;

function statementsOf(database: Database) {
  const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
  return {
    blob: prepare<BlobRow>('SELECT digest, size, state FROM blobs WHERE digest = :digest'),
    blobs: prepare<BlobRow>('SELECT digest, size, state FROM blobs ORDER BY digest'),
    recordBlob: prepare(`INSERT INTO blobs (digest, size, state, unsynced) VALUES (:digest, :size, 'ready', :stamp)
      ON CONFLICT (digest) DO UPDATE SET size = :size, state = 'ready', unsynced = :stamp`),
    dropBlob: prepare(`DELETE FROM blobs WHERE digest = :digest AND ${BLOB_IS_FREE}`),
    loseBlob: prepare(`UPDATE blobs SET state = 'missing', unsynced = NULL WHERE digest = :digest`),
    deleteBlob: prepare(`DELETE FROM blobs WHERE digest = :digest AND ${BLOB_IS_FREE} AND NOT ${leased(':digest')}`),
    layer: prepare<LayerColumns>(`SELECT ${LAYER} FROM layers WHERE id = :id`),
    layers: prepare<LayerColumns>(`SELECT ${LAYER} FROM layers ORDER BY id`),
    recordLayer: prepare(`INSERT INTO layers (id, diff_id, depends_on_lower, hides_lower, size, state, unsynced)
      VALUES (:id, :diffId, :dependsOnLower, :hidesLower, :size, 'ready', :stamp)
      ON CONFLICT (id) DO UPDATE SET diff_id = :diffId, depends_on_lower = :dependsOnLower, hides_lower = :hidesLower, size = :size,
        state = 'ready', unsynced = :stamp`),
    dropLayer: prepare(`DELETE FROM layers WHERE id = :id AND ${LAYER_IS_FREE}`),
    loseLayer: prepare(`UPDATE layers SET state = 'missing', unsynced = NULL WHERE id = :id`),
    unsyncedBlobs: prepare<Unsynced>(
      'SELECT digest, unsynced AS stamp FROM blobs WHERE unsynced IS NOT NULL ORDER BY digest',
    ),
    unsyncedLayers: prepare<Unsynced>(
      'SELECT id AS digest, unsynced AS stamp FROM layers WHERE unsynced IS NOT NULL ORDER BY id',
    ),
    syncedBlob: prepare('UPDATE blobs SET unsynced = NULL WHERE digest = :digest AND unsynced = :stamp'),
    syncedLayer: prepare('UPDATE layers SET unsynced = NULL WHERE id = :digest AND unsynced = :stamp'),
    manifests: prepare<Omit<ManifestContents, 'layers'>>(
      'SELECT digest, media_type AS mediaType, config FROM manifests ORDER BY digest',
    ),
    manifestBlobs: prepare<{ blob: Digest }>(
      'SELECT blob FROM manifest_layers WHERE manifest = :digest ORDER BY position',
    ),
    namesOf: prepare<{ name: string }>(`SELECT name FROM images WHERE manifest IN (
        SELECT digest FROM manifests WHERE digest = :digest OR config = :digest
        UNION SELECT manifest FROM manifest_layers WHERE blob = :digest OR layer = :digest) ORDER BY name`),
    takeManifests: prepare<{ digest: Digest }>(`DELETE FROM manifests
      WHERE NOT EXISTS (SELECT 1 FROM images WHERE manifest = manifests.digest)
        AND NOT EXISTS (SELECT 1 FROM snapshots WHERE manifest = manifests.digest)
        AND NOT EXISTS (SELECT 1 FROM build_steps WHERE parent = manifests.digest AND manifest <> manifests.digest)
        AND NOT ${leased('manifests.digest')} RETURNING digest`),
    takeLayers: prepare<LayerColumns>(
      `DELETE FROM layers WHERE ${LAYER_IS_FREE} AND NOT ${leased('layers.id')} RETURNING ${LAYER}`,
    ),
    takeBlobs: prepare<BlobRow>(
      `DELETE FROM blobs WHERE ${BLOB_IS_FREE} AND NOT ${leased('blobs.digest')} RETURNING digest, size, state`,
    ),
  };
}

function leaseStatementsOf(database: Database) {
  const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
  return {
    open: prepare('INSERT INTO image_leases (id, purpose, created_at) VALUES (:id, :purpose, :now)'),
    inherit: prepare(`INSERT INTO image_lease_contents (lease, digest)
      SELECT DISTINCT :id, digest FROM image_lease_contents JOIN image_leases ON image_leases.id = lease
      WHERE purpose = :purpose AND keep_until IS NOT NULL`),
    supersede: prepare('DELETE FROM image_leases WHERE purpose = :purpose AND keep_until IS NOT NULL'),
    hold: prepare('INSERT INTO image_lease_contents (lease, digest) VALUES (:lease, :digest) ON CONFLICT DO NOTHING'),
    isLeased: prepare<{ held: number }>(`SELECT ${leased(':digest')} AS held`),
    close: prepare('DELETE FROM image_leases WHERE id = :id'),
    keep: prepare('UPDATE image_leases SET keep_until = :until WHERE id = :id'),
    keepOpen: prepare('UPDATE image_leases SET keep_until = :until WHERE keep_until IS NULL'),
    expire: prepare('DELETE FROM image_leases WHERE keep_until IS NOT NULL AND (:dropKept = 1 OR keep_until <= :now)'),
  };
}

export class ContentRepository implements ContentRecords {
  private readonly statements;
  private readonly leases;
  private readonly commit: <T>(work: () => T) => T;

  constructor(database: Database) {
    this.statements = statementsOf(database);
    this.leases = leaseStatementsOf(database);
    this.commit = <T>(work: () => T): T => {
      try {
        return database.transaction(work).immediate();
      } catch (error) {
        throw registryError(error, database.name);
      }
    };
  }

  blob(digest: Digest): BlobRow | undefined {
    return this.statements.blob.get({ digest });
  }

  blobs(): BlobRow[] {
    return this.statements.blobs.all({});
  }

  recordBlob(digest: Digest, size: number, stamp: string): void {
    this.commit(() => this.statements.recordBlob.run({ digest, size, stamp }));
  }

  forgetBlob(digest: Digest): ContentState | 'deleted' {
    return this.commit(() => {
      if (this.statements.dropBlob.run({ digest }).changes > 0) return 'deleted';
      return this.statements.loseBlob.run({ digest }).changes > 0 ? 'missing' : 'deleted';
    });
  }

  deleteBlob(digest: Digest): boolean {
    return this.commit(() => this.statements.deleteBlob.run({ digest }).changes > 0);
  }

  layer(id: Digest): LayerRow | undefined {
    const columns = this.statements.layer.get({ id });
    return columns === undefined ? undefined : layerOf(columns);
  }

  layers(): LayerRow[] {
    return this.statements.layers.all({}).map(layerOf);
  }

  recordLayer(layer: Omit<LayerRow, 'state'>, stamp: string): void {
    const { id, diffId, dependsOnLower, hidesLower, size } = layer;
    const flags = { dependsOnLower: Number(dependsOnLower), hidesLower: Number(hidesLower) };
    const fields = { id, diffId, ...flags, size, stamp };
    this.commit(() => this.statements.recordLayer.run(fields));
  }

  forgetLayer(id: Digest): ContentState | 'deleted' {
    return this.commit(() => {
      if (this.statements.dropLayer.run({ id }).changes > 0) return 'deleted';
      return this.statements.loseLayer.run({ id }).changes > 0 ? 'missing' : 'deleted';
    });
  }

  unsyncedBlobs(): Unsynced[] {
    return this.statements.unsyncedBlobs.all({});
  }

  unsyncedLayers(): Unsynced[] {
    return this.statements.unsyncedLayers.all({});
  }

  synced(blobs: readonly Unsynced[], layers: readonly Unsynced[]): void {
    this.commit(() => {
      for (const { digest, stamp } of blobs) this.statements.syncedBlob.run({ digest, stamp });
      for (const { digest, stamp } of layers) this.statements.syncedLayer.run({ digest, stamp });
    });
  }

  manifests(): ManifestContents[] {
    return this.statements.manifests.all({}).map((columns) => ({
      ...columns,
      layers: this.statements.manifestBlobs.all({ digest: columns.digest }).map(({ blob }) => blob),
    }));
  }

  namesOf(digest: Digest): string[] {
    return this.statements.namesOf.all({ digest }).map(({ name }) => name);
  }

  openLease(id: string, purpose: string, now: string): void {
    this.commit(() => {
      this.leases.open.run({ id, purpose, now });
      this.leases.inherit.run({ id, purpose });
      this.leases.supersede.run({ purpose });
    });
  }

  hold(lease: string, digests: readonly Digest[]): void {
    this.commit(() => {
      for (const digest of digests) this.leases.hold.run({ lease, digest });
    });
  }

  isLeased(digest: Digest): boolean {
    return this.leases.isLeased.get({ digest })?.held === 1;
  }

  closeLease(id: string): void {
    this.commit(() => this.leases.close.run({ id }));
  }

  keepLease(id: string, until: string): void {
    this.commit(() => this.leases.keep.run({ id, until }));
  }

  keepOpenLeases(until: string): void {
    this.commit(() => this.leases.keepOpen.run({ until }));
  }

  takeUnreferenced({ now, dangling, dropKept }: TakeOptions): Unreferenced {
    return this.commit(() => {
      this.leases.expire.run({ now, dropKept: Number(dropKept) });
      const manifests = dangling ? this.statements.takeManifests.all({}).map(({ digest }) => digest) : [];
      const layers = this.statements.takeLayers.all({}).map(layerOf);
      return { manifests, layers, blobs: this.statements.takeBlobs.all({}) };
    });
  }
}

function layerOf(columns: LayerColumns): LayerRow {
  return { ...columns, dependsOnLower: columns.dependsOnLower === 1, hidesLower: columns.hidesLower === 1 };
}
