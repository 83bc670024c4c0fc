-- Containers, their execs, and the events of both. Times are RFC 3339 in UTC with nine decimals, so that
-- they sort as text. JSON columns are written and read by daemon/registry only.

CREATE TABLE containers (
  id              TEXT PRIMARY KEY CHECK (length(id) = 64),
  name            TEXT NOT NULL UNIQUE,
  status          TEXT NOT NULL CHECK (status IN ('creating', 'created', 'running', 'paused', 'stopped', 'removing')),
  -- What was begun and is not known to be done; 'start' until the shim has answered.
  intent          TEXT CHECK (intent IN ('start')),
  rootfs          TEXT NOT NULL,
  command         TEXT NOT NULL CHECK (json_valid(command)),
  labels          TEXT NOT NULL CHECK (json_valid(labels)),
  limits          TEXT NOT NULL CHECK (json_valid(limits)),
  tty             INTEGER NOT NULL CHECK (tty IN (0, 1)),
  stdin           INTEGER NOT NULL CHECK (stdin IN (0, 1)),
  auto_remove     INTEGER NOT NULL CHECK (auto_remove IN (0, 1)),
  stop_signal     TEXT NOT NULL,
  stop_timeout    INTEGER NOT NULL CHECK (stop_timeout >= 0),
  log_max_bytes   INTEGER NOT NULL CHECK (log_max_bytes >= 0),
  log_max_files   INTEGER NOT NULL CHECK (log_max_files >= 1),
  created_at      TEXT NOT NULL,
  started_at      TEXT,
  -- Host pid and start time (field 22 of /proc/PID/stat) of init while it runs, and the boot they belong to.
  pid             INTEGER,
  process_started INTEGER,
  boot_id         TEXT,
  -- How the last run ended; all NULL before the first end. Unknown: code and signal are NULL.
  exit_unknown    INTEGER CHECK (exit_unknown IN (0, 1)),
  exit_code       INTEGER,
  exit_signal     TEXT,
  exit_oom        INTEGER CHECK (exit_oom IN (0, 1)),
  exit_at         TEXT,
  -- Why the last start failed.
  failure         TEXT
) STRICT;

-- What is large and written once: apart, so that a change of status does not rewrite it.
CREATE TABLE documents (
  container TEXT PRIMARY KEY REFERENCES containers (id) ON DELETE CASCADE,
  -- The request as it came.
  request   TEXT NOT NULL CHECK (json_valid(request)),
  -- The complete OCI config.json that is run; integers beyond 2^53 as they are.
  spec      TEXT NOT NULL,
  -- How the root file system is made (RootSource of daemon/runtime/plan/target.ts) and the bundle directory.
  root      TEXT NOT NULL CHECK (json_valid(root)),
  bundle    TEXT NOT NULL
) STRICT;

CREATE TABLE execs (
  id              TEXT PRIMARY KEY CHECK (length(id) = 64),
  container       TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  status          TEXT NOT NULL CHECK (status IN ('created', 'running', 'exited')),
  request         TEXT NOT NULL CHECK (json_valid(request)),
  pid             INTEGER,
  created_at      TEXT NOT NULL,
  started_at      TEXT,
  exit_unknown    INTEGER CHECK (exit_unknown IN (0, 1)),
  exit_code       INTEGER,
  exit_signal     TEXT,
  exit_oom        INTEGER CHECK (exit_oom IN (0, 1)),
  exit_at         TEXT
) STRICT;

CREATE INDEX execs_by_container ON execs (container, created_at);

-- The newest event is never deleted, so the sequence (the rowid) grows across restarts.
CREATE TABLE events (
  sequence  INTEGER PRIMARY KEY,
  at        TEXT NOT NULL,
  action    TEXT NOT NULL,
  container TEXT NOT NULL,
  name      TEXT NOT NULL,
  labels    TEXT NOT NULL CHECK (json_valid(labels)),
  exec      TEXT,
  exit_code INTEGER,
  detail    TEXT
) STRICT;
