CREATE TABLE IF NOT EXISTS {prefix}execution_db (
    id TEXT NOT NULL PRIMARY KEY,
    action TEXT NULL,
    parameters TEXT NULL,
    status TEXT NULL,
    result TEXT NULL,
    start_timestamp TIMESTAMP NULL,
    end_timestamp TIMESTAMP NULL,
    parent TEXT NULL,
    context TEXT NULL,
    tracking TEXT NOT NULL DEFAULT 'following',
    tracked_at TIMESTAMP NULL,
    CONSTRAINT ck_{prefix}execution_db_tracking CHECK (tracking IN ('following', 'overdue', 'done', 'gone'))
);
CREATE INDEX IF NOT EXISTS ix_{prefix}execution_db_parent ON {prefix}execution_db (parent);
CREATE INDEX IF NOT EXISTS ix_{prefix}execution_db_status ON {prefix}execution_db (status);
CREATE INDEX IF NOT EXISTS ix_{prefix}execution_db_action ON {prefix}execution_db (action);
CREATE INDEX IF NOT EXISTS ix_{prefix}execution_db_start_timestamp ON {prefix}execution_db (start_timestamp);
CREATE INDEX IF NOT EXISTS ix_{prefix}execution_db_tracking ON {prefix}execution_db (tracking, start_timestamp);
