-- Lists are read newest first by (created_at, id); InnoDB ends every index with the primary key.
ALTER TABLE poundcake_api_calls
    ADD INDEX IF NOT EXISTS ix_poundcake_api_calls_status_code (status_code, created_at);
