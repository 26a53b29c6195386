CREATE TABLE IF NOT EXISTS {prefix}trigger_db (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pack TEXT NOT NULL,
    type TEXT NULL,
    parameters TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}trigger_db_pack_name ON {prefix}trigger_db (pack, name);
