-- What the daemon does for a container beside running it: restarts, health checks, drivers of its log; and what a client
-- of the Docker Engine API asked for, to be shown to it again.

ALTER TABLE containers ADD COLUMN restart TEXT NOT NULL DEFAULT '{"name":"no"}' CHECK (json_valid(restart));
-- How often the policy has started it again since its user did.
ALTER TABLE containers ADD COLUMN restart_count INTEGER NOT NULL DEFAULT 0 CHECK (restart_count >= 0);
-- Its user ended it, or has never started it: a daemon that starts leaves it alone ("always" but for this boot's own stop).
ALTER TABLE containers ADD COLUMN stopped_by_user INTEGER NOT NULL DEFAULT 0 CHECK (stopped_by_user IN (0, 1));
-- The health check in force, with every field filled; NULL: none.
ALTER TABLE containers ADD COLUMN healthcheck TEXT CHECK (healthcheck IS NULL OR json_valid(healthcheck));
-- Status, streak and last probes of the present or last run.
ALTER TABLE containers ADD COLUMN health TEXT CHECK (health IS NULL OR json_valid(health));
ALTER TABLE containers ADD COLUMN log_driver TEXT NOT NULL DEFAULT 'cri' CHECK (log_driver IN ('cri', 'json-file', 'none'));

-- Of a container's events: what the container is made of; and at its start and end the networks it is on then.
ALTER TABLE events ADD COLUMN image_name TEXT;
ALTER TABLE events ADD COLUMN networks TEXT CHECK (networks IS NULL OR json_valid(networks));

-- The body of the Docker Engine API's create, as it came; NULL for containers of other clients.
ALTER TABLE documents ADD COLUMN docker TEXT CHECK (docker IS NULL OR json_valid(docker));
