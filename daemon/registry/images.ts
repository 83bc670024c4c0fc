/** Rows of images: names, manifests, and which of them containers are made of. */
import type { Database, Statement } from 'better-sqlite3';

export interface ManifestRow {
  readonly digest: string;
  readonly mediaType: string;
  /** Digest of the image configuration, the image's id. */
  readonly config: string;
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | null;
  readonly createdAt: string;
  /** The lowest first. */
  readonly layers: readonly ManifestLayer[];
}

export interface ManifestLayer {
  readonly blob: string;
  /** Id of the unpacked layer. */
  readonly layer: string;
}

export interface ImageRow {
  /** In full: "docker.io/library/debian:12". */
  readonly name: string;
  readonly manifest: string;
  /** What the source calls it: the manifest's digest, or that of the index it was chosen from. */
  readonly target: string;
  /** Its registry has it under this name: it was pulled from there, or pushed. */
  readonly isShared: boolean;
  readonly taggedAt: string;
}

type ImageColumns = Omit<ImageRow, 'isShared'> & { readonly shared: number };

export interface SnapshotRow {
  readonly container: string;
  readonly role: 'root' | 'mount';
  readonly manifest: string;
  /** The image as it was asked for. */
  readonly image: string;
}

type ManifestColumns = Omit<ManifestRow, 'layers'>;
type Fields = Record<string, string | number | null>;

const MANIFEST = 'digest, media_type AS mediaType, config, os, architecture, variant, created_at AS createdAt';
const IMAGE = 'name, manifest, target, shared, tagged_at AS taggedAt';

export class ImageRepository {
  private readonly statements;
  private readonly insertAll: (row: ManifestRow) => void;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      get: prepare<ImageColumns>(`SELECT ${IMAGE} FROM images WHERE name = :name`),
      all: prepare<ImageColumns>(`SELECT ${IMAGE} FROM images ORDER BY name`),
      namesOf: prepare<ImageColumns>(`SELECT ${IMAGE} FROM images WHERE manifest = :manifest ORDER BY name`),
      tag: prepare(`INSERT INTO images (name, manifest, target, shared, tagged_at)
        VALUES (:name, :manifest, :target, :shared, :taggedAt)
        ON CONFLICT (name) DO UPDATE
          SET manifest = :manifest, target = :target, shared = :shared, tagged_at = :taggedAt`),
      share: prepare('UPDATE images SET shared = 1, target = :target WHERE name = :name AND manifest = :manifest'),
      untag: prepare<{ manifest: string }>('DELETE FROM images WHERE name = :name RETURNING manifest'),
      manifest: prepare<ManifestColumns>(`SELECT ${MANIFEST} FROM manifests WHERE digest = :digest`),
      manifests: prepare<ManifestColumns>(`SELECT ${MANIFEST} FROM manifests ORDER BY created_at, digest`),
      byId: prepare<ManifestColumns>(`SELECT ${MANIFEST} FROM manifests
        WHERE config >= :from AND config < :to ORDER BY created_at, digest`),
      ofConfig: prepare<ManifestColumns>(
        `SELECT ${MANIFEST} FROM manifests WHERE config = :config ORDER BY created_at, digest`,
      ),
      layers: prepare<ManifestLayer>(
        'SELECT blob, layer FROM manifest_layers WHERE manifest = :digest ORDER BY position',
      ),
      allLayers: prepare<ManifestLayer & { manifest: string }>(
        'SELECT manifest, blob, layer FROM manifest_layers ORDER BY manifest, position',
      ),
      insert: prepare(`INSERT INTO manifests (digest, media_type, config, os, architecture, variant, created_at)
        VALUES (:digest, :mediaType, :config, :os, :architecture, :variant, :createdAt) ON CONFLICT DO NOTHING`),
      insertLayer: prepare(`INSERT INTO manifest_layers (manifest, position, blob, layer)
        VALUES (:manifest, :position, :blob, :layer) ON CONFLICT DO NOTHING`),
      drop: prepare(`DELETE FROM manifests WHERE digest = :digest
          AND NOT EXISTS (SELECT 1 FROM images WHERE manifest = :digest)
          AND NOT EXISTS (SELECT 1 FROM snapshots WHERE manifest = :digest)
          AND NOT EXISTS (SELECT 1 FROM build_steps WHERE parent = :digest AND manifest <> :digest)
          AND NOT EXISTS (SELECT 1 FROM image_lease_contents WHERE digest = :digest)`),
      snapshot: prepare(`INSERT INTO snapshots (container, role, manifest, image)
        VALUES (:container, :role, :manifest, :image) ON CONFLICT DO NOTHING`),
      snapshotsOf: prepare<SnapshotRow>(`SELECT container, role, manifest, image FROM snapshots
        WHERE container = :container ORDER BY role DESC, manifest`),
      roots: prepare<{ container: string; image: string; config: string }>(`SELECT container, image, config
        FROM snapshots JOIN manifests ON manifests.digest = manifest WHERE role = 'root'`),
      users: prepare<{ container: string }>(
        'SELECT DISTINCT container FROM snapshots WHERE manifest = :manifest ORDER BY container',
      ),
    };
    this.insertAll = database.transaction((row: ManifestRow) => {
      const { layers, ...columns } = row;
      this.statements.insert.run({ ...columns });
      for (const [position, { blob, layer }] of layers.entries()) {
        this.statements.insertLayer.run({ manifest: row.digest, position, blob, layer });
      }
    });
  }

  get(name: string): ImageRow | undefined {
    const columns = this.statements.get.get({ name });
    return columns === undefined ? undefined : imageOf(columns);
  }

  /** Every name, in order. */
  all(): ImageRow[] {
    return this.statements.all.all({}).map(imageOf);
  }

  namesOf(manifest: string): ImageRow[] {
    return this.statements.namesOf.all({ manifest }).map(imageOf);
  }

  /** The name is this manifest's from now on; the one that had it keeps its other names, if any. */
  tag({ isShared, ...row }: ImageRow): void {
    this.statements.tag.run({ ...row, shared: Number(isShared) });
  }

  /** The registry has the manifest under this name, as `target`. Nothing where the name is another's by now. */
  share(name: string, manifest: string, target: string): void {
    this.statements.share.run({ name, manifest, target });
  }

  /** The manifest that had the name; undefined where nobody had it. The manifest stays. */
  untag(name: string): string | undefined {
    return this.statements.untag.get({ name })?.manifest;
  }

  manifest(digest: string): ManifestRow | undefined {
    const columns = this.statements.manifest.get({ digest });
    return columns === undefined ? undefined : this.withLayers(columns);
  }

  /** Every manifest, oldest first, also those without a name. */
  manifests(): ManifestRow[] {
    const layers = Map.groupBy(this.statements.allLayers.all({}), ({ manifest }) => manifest);
    return this.statements.manifests.all({}).map((columns) => ({
      ...columns,
      layers: (layers.get(columns.digest) ?? []).map(({ blob, layer }) => ({ blob, layer })),
    }));
  }

  /** Manifests of the images whose id begins so: `prefix` is hexadecimal digits of a sha256. */
  byId(prefix: string): ManifestRow[] {
    // "g" comes after all digits
    const found = this.statements.byId.all({ from: `sha256:${prefix}`, to: `sha256:${prefix}g` });
    return found.map((columns) => this.withLayers(columns));
  }

  /** Manifests of the image with this id, oldest first. */
  ofConfig(config: string): ManifestRow[] {
    return this.statements.ofConfig.all({ config }).map((columns) => this.withLayers(columns));
  }

  /** Its blobs and layers have rows by now. One that is there already is left as it is. */
  insert(row: ManifestRow): void {
    this.insertAll(row);
  }

  /** False where a name, a container, an image that was built of it or a lease has need of it, or there is none. */
  drop(digest: string): boolean {
    return this.statements.drop.run({ digest }).changes > 0;
  }

  /** In the transaction that inserts the container: from then on the image is in use. */
  addSnapshot(row: SnapshotRow): void {
    this.statements.snapshot.run({ ...row });
  }

  /** The root first. */
  snapshotsOf(container: string): SnapshotRow[] {
    return this.statements.snapshotsOf.all({ container });
  }

  /** What every container of an image is made of; `config` is the image's id. */
  roots(): { container: string; image: string; config: string }[] {
    return this.statements.roots.all({});
  }

  /** Ids of the containers that are made of it, or have it mounted. */
  usersOf(manifest: string): string[] {
    return this.statements.users.all({ manifest }).map(({ container }) => container);
  }

  private withLayers(columns: ManifestColumns): ManifestRow {
    return { ...columns, layers: this.statements.layers.all({ digest: columns.digest }) };
  }
}

function imageOf({ shared, ...columns }: ImageColumns): ImageRow {
  return { ...columns, isShared: shared === 1 };
}
