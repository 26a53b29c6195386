CREATE TABLE IF NOT EXISTS {prefix}liveaction_db (
    id TEXT NOT NULL PRIMARY KEY,
    action TEXT NULL,
    parameters TEXT NULL,
    status TEXT NULL,
    start_timestamp TIMESTAMP NULL,
    callback TEXT NULL,
    context TEXT NULL
);
CREATE INDEX IF NOT EXISTS ix_{prefix}liveaction_db_start_timestamp ON {prefix}liveaction_db (start_timestamp);
