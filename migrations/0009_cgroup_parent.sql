-- Containers whose control groups lie below somebody else's.
ALTER TABLE containers ADD COLUMN cgroup_parent TEXT CHECK (cgroup_parent IS NULL OR cgroup_parent LIKE '/%');

-- Directories of control groups that were made above such containers, to be removed when nothing is below them any more.
-- Of an earlier boot nothing is left: what has the name then was made by somebody else.
CREATE TABLE made_groups (directory TEXT PRIMARY KEY, boot_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
