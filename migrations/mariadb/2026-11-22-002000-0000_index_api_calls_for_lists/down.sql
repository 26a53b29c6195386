ALTER TABLE poundcake_api_calls
    DROP INDEX IF EXISTS ix_poundcake_api_calls_status_code;
