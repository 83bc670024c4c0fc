-- What a container is to have of networks, resolved at create (Networking of daemon/registry/containers.ts): its mode, and
-- what is published. Containers from before say it in their request, whose default was "none".
ALTER TABLE containers ADD COLUMN network TEXT NOT NULL DEFAULT '{"mode":"none","publish":[]}' CHECK (json_valid(network));
UPDATE containers SET network = json_object('mode', 'host', 'publish', json('[]'))
  WHERE (SELECT json_extract(request, '$.network.mode') FROM documents WHERE container = containers.id) = 'host';
