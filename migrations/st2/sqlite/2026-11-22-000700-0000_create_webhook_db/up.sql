CREATE TABLE IF NOT EXISTS {prefix}webhook_db (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    type TEXT NULL,
    url TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}webhook_db_url ON {prefix}webhook_db (url);
