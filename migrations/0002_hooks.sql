-- poststop hooks: the index of the next one that the present or last run is owed, written before each is begun, so that
-- none is run twice; NULL: none is owed. Set with the intent to start where the spec has any.
ALTER TABLE containers ADD COLUMN poststop INTEGER CHECK (poststop >= 0);
