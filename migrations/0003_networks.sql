-- Networks, the places of containers in them, the addresses and ports that are in use, and what was changed on the
-- host for them. Addresses are canonical text (RFC 5952), so that equal ones are equal texts.

CREATE TABLE networks (
  id              TEXT PRIMARY KEY CHECK (length(id) = 64),
  name            TEXT NOT NULL UNIQUE,
  bridge          TEXT NOT NULL UNIQUE CHECK (length(CAST(bridge AS BLOB)) BETWEEN 1 AND 15),
  internal        INTEGER NOT NULL CHECK (internal IN (0, 1)),
  inter_container INTEGER NOT NULL CHECK (inter_container IN (0, 1)),
  mtu             INTEGER NOT NULL CHECK (mtu BETWEEN 68 AND 65535),
  labels          TEXT NOT NULL CHECK (json_valid(labels)),
  created_at      TEXT NOT NULL
) STRICT;

CREATE TABLE subnets (
  network TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  family  INTEGER NOT NULL CHECK (family IN (4, 6)),
  subnet  TEXT NOT NULL,
  gateway TEXT NOT NULL,
  -- Where addresses that nobody asked for are taken from; NULL: all of the subnet.
  range   TEXT,
  PRIMARY KEY (network, family)
) STRICT, WITHOUT ROWID;

-- A container's place in a network: what was asked for, and (run_*) what its present run has.
CREATE TABLE endpoints (
  container      TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  network        TEXT NOT NULL REFERENCES networks (id) ON DELETE RESTRICT,
  -- The order among the networks of the container.
  position       INTEGER NOT NULL,
  interface      TEXT,
  mac            TEXT,
  ipv4           TEXT,
  ipv6           TEXT,
  aliases        TEXT NOT NULL CHECK (json_valid(aliases)),
  -- The veth on the host; with it go all that follow.
  host_interface TEXT,
  run_interface  TEXT,
  run_mac        TEXT,
  run_ipv4       TEXT,
  run_ipv6       TEXT,
  -- It has the default route.
  run_default    INTEGER CHECK (run_default IN (0, 1)),
  -- What is being done to a container that runs; left behind, the daemon died over it.
  intent         TEXT CHECK (intent IN ('connect', 'disconnect')),
  PRIMARY KEY (container, network)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoints_by_network ON endpoints (network);

-- No address is handed out twice. A lease outlives its container's row: it ends when the veth is gone.
CREATE TABLE leases (
  network        TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  family         INTEGER NOT NULL CHECK (family IN (4, 6)),
  address        TEXT NOT NULL,
  container      TEXT NOT NULL,
  -- The veth on the host that has it; NULL: it is kept for a container that does not run.
  host_interface TEXT,
  -- Asked for: the container has it, running or not.
  static         INTEGER NOT NULL CHECK (static IN (0, 1)),
  PRIMARY KEY (network, family, address),
  CHECK (static = 1 OR host_interface IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_by_interface ON leases (host_interface) WHERE host_interface IS NOT NULL;
CREATE INDEX leases_by_container ON leases (container);

-- What is published now: `count` ports of the host from `host_port` on.
CREATE TABLE ports (
  protocol          TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp', 'sctp')),
  host_address      TEXT NOT NULL,
  host_port         INTEGER NOT NULL CHECK (host_port BETWEEN 1 AND 65535),
  count             INTEGER NOT NULL CHECK (count >= 1 AND host_port + count <= 65536),
  container         TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  container_address TEXT NOT NULL,
  container_port    INTEGER NOT NULL CHECK (container_port >= 1 AND container_port + count <= 65536),
  PRIMARY KEY (protocol, host_address, host_port)
) STRICT, WITHOUT ROWID;

CREATE INDEX ports_by_container ON ports (container);

-- Settings of the host that the daemon changed, and what they were.
CREATE TABLE host_settings (
  key    TEXT PRIMARY KEY,
  before TEXT NOT NULL,
  now    TEXT NOT NULL,
  at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the daemon chose once and keeps, such as its unique local prefix.
CREATE TABLE choices (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Events of networks name no container, or one and its network.
CREATE TABLE all_events (
  sequence  INTEGER PRIMARY KEY,
  at        TEXT NOT NULL,
  action    TEXT NOT NULL,
  container TEXT,
  network   TEXT,
  -- Of the container, or where there is none of the network.
  name      TEXT NOT NULL,
  labels    TEXT NOT NULL CHECK (json_valid(labels)),
  exec      TEXT,
  exit_code INTEGER,
  detail    TEXT
) STRICT;
INSERT INTO all_events (sequence, at, action, container, name, labels, exec, exit_code, detail)
  SELECT sequence, at, action, container, name, labels, exec, exit_code, detail FROM events;
DROP TABLE events;
ALTER TABLE all_events RENAME TO events;
