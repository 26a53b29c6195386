CREATE TABLE IF NOT EXISTS {prefix}workflow_db (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pack TEXT NOT NULL,
    description TEXT NULL,
    entry_point TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}workflow_db_pack_name ON {prefix}workflow_db (pack, name);
