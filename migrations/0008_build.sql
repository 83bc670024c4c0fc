-- What builds keep for the next ones: which image each step made, of which image. Steps are images without a name; each is
-- there for as long as an image that was made of it is.

CREATE TABLE build_steps (
  -- sha256 of all that the step's result depends on, daemon/engine/build/cache.ts.
  key        TEXT NOT NULL,
  -- NULL: it began with nothing (FROM scratch).
  parent     TEXT REFERENCES manifests (digest) ON DELETE CASCADE,
  manifest   TEXT NOT NULL REFERENCES manifests (digest) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  -- A step that was done anew has several results, of which the newest counts.
  PRIMARY KEY (key, manifest)
) STRICT, WITHOUT ROWID;

CREATE INDEX build_steps_by_parent ON build_steps (parent);
CREATE INDEX build_steps_by_manifest ON build_steps (manifest);
