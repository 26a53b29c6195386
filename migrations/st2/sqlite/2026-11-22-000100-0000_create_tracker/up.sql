CREATE TABLE IF NOT EXISTS {prefix}tracker_state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
