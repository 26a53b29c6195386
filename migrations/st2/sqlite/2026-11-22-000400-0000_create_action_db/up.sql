CREATE TABLE IF NOT EXISTS {prefix}action_db (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pack TEXT NOT NULL,
    description TEXT NULL,
    enabled BOOLEAN NOT NULL,
    entry_point TEXT NULL,
    runner_type TEXT NULL,
    parameters TEXT NULL,
    tags TEXT NULL,
    metadata_file TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}action_db_pack_name ON {prefix}action_db (pack, name);
