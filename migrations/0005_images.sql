-- Images: names, manifests, their blobs and unpacked layers, what containers are made of, and the leases of running
-- pulls. Nothing is counted: what has need of what is in the foreign keys, and nothing is deleted that another row needs.
-- Digests are "sha256:…" or "sha512:…". Times are RFC 3339 in UTC with nine decimals.

-- Content by digest. A row is written after the file is in place and deleted before it is taken away.
CREATE TABLE blobs (
  digest   TEXT PRIMARY KEY,
  size     INTEGER NOT NULL CHECK (size >= 0),
  -- 'missing': a manifest has need of it, and it was lost; the next pull brings it back.
  state    TEXT NOT NULL CHECK (state IN ('ready', 'missing')),
  -- In which boot it was written, until it is known to be on the disk.
  unsynced TEXT
) STRICT;

-- Unpacked layers. The id is the diff id, or the chain id of one that depends on the layers below.
CREATE TABLE layers (
  id               TEXT PRIMARY KEY,
  diff_id          TEXT NOT NULL,
  depends_on_lower INTEGER NOT NULL CHECK (depends_on_lower IN (0, 1)),
  -- Its root is opaque: the layers below are left out of the mount.
  hides_lower      INTEGER NOT NULL CHECK (hides_lower IN (0, 1)),
  -- Of the uncompressed archive.
  size             INTEGER NOT NULL CHECK (size >= 0),
  state            TEXT NOT NULL CHECK (state IN ('ready', 'missing')),
  unsynced         TEXT,
  CHECK (depends_on_lower = 1 OR id = diff_id)
) STRICT;

CREATE INDEX unsynced_blobs ON blobs (unsynced) WHERE unsynced IS NOT NULL;
CREATE INDEX unsynced_layers ON layers (unsynced) WHERE unsynced IS NOT NULL;

CREATE TABLE manifests (
  digest       TEXT PRIMARY KEY REFERENCES blobs (digest),
  media_type   TEXT NOT NULL,
  -- Of the image configuration: what users know as the image's id.
  config       TEXT NOT NULL REFERENCES blobs (digest),
  os           TEXT NOT NULL,
  architecture TEXT NOT NULL,
  variant      TEXT,
  -- When it came to be here.
  created_at   TEXT NOT NULL
) STRICT;

CREATE INDEX manifests_by_config ON manifests (config);

CREATE TABLE manifest_layers (
  manifest TEXT NOT NULL REFERENCES manifests (digest) ON DELETE CASCADE,
  -- 0 is the lowest.
  position INTEGER NOT NULL CHECK (position >= 0),
  blob     TEXT NOT NULL REFERENCES blobs (digest),
  layer    TEXT NOT NULL REFERENCES layers (id),
  PRIMARY KEY (manifest, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_layers_by_blob ON manifest_layers (blob);
CREATE INDEX manifest_layers_by_layer ON manifest_layers (layer);

-- Names, in full: "docker.io/library/debian:12", or with @digest. A manifest may have several, or none (dangling).
CREATE TABLE images (
  name      TEXT PRIMARY KEY,
  manifest  TEXT NOT NULL REFERENCES manifests (digest),
  -- What the source calls it: the manifest's digest, or that of the index it was chosen from.
  target    TEXT NOT NULL,
  -- The source is its registry: it was pulled from there under this name, or pushed.
  shared    INTEGER NOT NULL CHECK (shared IN (0, 1)),
  tagged_at TEXT NOT NULL
) STRICT;

CREATE INDEX images_by_manifest ON images (manifest);

-- What a container is made of, or has mounted: kept for as long as the container is.
CREATE TABLE snapshots (
  container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  role      TEXT NOT NULL CHECK (role IN ('root', 'mount')),
  manifest  TEXT NOT NULL REFERENCES manifests (digest),
  -- The image as it was asked for.
  image     TEXT NOT NULL,
  PRIMARY KEY (container, role, manifest)
) STRICT, WITHOUT ROWID;

CREATE INDEX snapshots_by_manifest ON snapshots (manifest);
CREATE UNIQUE INDEX one_root ON snapshots (container) WHERE role = 'root';

CREATE TABLE image_leases (
  id         TEXT PRIMARY KEY,
  purpose    TEXT NOT NULL,
  created_at TEXT NOT NULL,
  -- NULL while its pull runs; then until when it may be resumed.
  keep_until TEXT
) STRICT;

-- Digests of anything: it need not be there yet.
CREATE TABLE image_lease_contents (
  lease  TEXT NOT NULL REFERENCES image_leases (id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  PRIMARY KEY (lease, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX image_lease_contents_by_digest ON image_lease_contents (digest);
