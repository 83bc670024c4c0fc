-- Volumes, what containers have of them, and the events of images and volumes.

CREATE TABLE volumes (
  name       TEXT PRIMARY KEY,
  -- It was made for a container that named none.
  anonymous  INTEGER NOT NULL CHECK (anonymous IN (0, 1)),
  labels     TEXT NOT NULL CHECK (json_valid(labels)),
  created_at TEXT NOT NULL,
  -- What the image has at its place is still to be copied into it: done before its first container starts.
  unfilled   INTEGER NOT NULL CHECK (unfilled IN (0, 1))
) STRICT;

-- No volume is removed while a container, running or not, has it.
CREATE TABLE container_volumes (
  container   TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  destination TEXT NOT NULL,
  volume      TEXT NOT NULL REFERENCES volumes (name),
  PRIMARY KEY (container, destination)
) STRICT, WITHOUT ROWID;

CREATE INDEX container_volumes_by_volume ON container_volumes (volume);

-- Id of the image that an event is about; name of the volume.
ALTER TABLE events ADD COLUMN image TEXT;
ALTER TABLE events ADD COLUMN volume TEXT;
