ALTER TABLE poundcake_api_calls
    DROP INDEX IF EXISTS ix_poundcake_api_calls_pause_until,
    DROP INDEX IF EXISTS ix_poundcake_api_calls_ordered_at,
    DROP COLUMN IF EXISTS pause_until,
    DROP COLUMN IF EXISTS result,
    DROP COLUMN IF EXISTS ordered_at,
    DROP COLUMN IF EXISTS operator;
