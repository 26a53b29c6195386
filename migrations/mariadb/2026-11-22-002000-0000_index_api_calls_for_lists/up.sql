-- ROW_FORMAT: an older program may have made the table under innodb_default_row_format = compact, and stopped half-way.
-- Lists are read newest first by (created_at, id); InnoDB ends every index with the primary key.
ALTER TABLE poundcake_api_calls
    ROW_FORMAT = DYNAMIC,
    ADD INDEX IF NOT EXISTS ix_poundcake_api_calls_status_code (status_code, created_at);
