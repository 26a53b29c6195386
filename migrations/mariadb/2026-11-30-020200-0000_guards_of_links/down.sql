ALTER TABLE poundcake_st2_execution_link
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_starts_of_target,
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_starts_of_route,
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_starts_of_fingerprint,
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_places,
    DROP COLUMN IF EXISTS guard_key;
ALTER TABLE poundcake_st2_execution_link
    DROP COLUMN IF EXISTS end_status,
    DROP COLUMN IF EXISTS ended_at,
    DROP COLUMN IF EXISTS started_at,
    DROP COLUMN IF EXISTS guard_target,
    DROP COLUMN IF EXISTS route,
    DROP COLUMN IF EXISTS fingerprint;
