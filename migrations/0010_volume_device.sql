-- Volumes that are a directory of the host.

-- Its path; NULL: the volume has a directory of its own.
ALTER TABLE volumes ADD COLUMN device TEXT CHECK (device LIKE '/%');
-- How a container gets it: {readonly, recursive, propagation, options}.
ALTER TABLE volumes ADD COLUMN device_mount TEXT
  CHECK ((device IS NULL) = (device_mount IS NULL) AND (device_mount IS NULL OR json_valid(device_mount)));
-- As a client of Docker's API asked for it, to be shown to it again.
ALTER TABLE volumes ADD COLUMN driver_options TEXT CHECK (driver_options IS NULL OR json_valid(driver_options));
