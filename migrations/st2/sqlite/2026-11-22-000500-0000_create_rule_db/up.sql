CREATE TABLE IF NOT EXISTS {prefix}rule_db (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pack TEXT NOT NULL,
    description TEXT NULL,
    enabled BOOLEAN NOT NULL,
    `trigger` TEXT NULL,
    criteria TEXT NULL,
    action TEXT NULL,
    tags TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}rule_db_pack_name ON {prefix}rule_db (pack, name);
