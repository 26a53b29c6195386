CREATE TABLE IF NOT EXISTS {prefix}poundcake_tracker (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
