-- A held row was never sent: the relay publishes it.
UPDATE poundcake_alerts SET dispatch_status = 'pending', dispatch_reason = NULL WHERE dispatch_status = 'held';
ALTER TABLE poundcake_alerts
    DROP INDEX IF EXISTS ix_poundcake_alerts_waiting_target,
    DROP INDEX IF EXISTS ix_poundcake_alerts_starts_of_target,
    DROP INDEX IF EXISTS ix_poundcake_alerts_starts_of_route,
    DROP INDEX IF EXISTS ix_poundcake_alerts_starts_of_fingerprint,
    DROP INDEX IF EXISTS ix_poundcake_alerts_line_targets,
    DROP INDEX IF EXISTS ix_poundcake_alerts_line,
    DROP COLUMN IF EXISTS started_route,
    DROP COLUMN IF EXISTS started_fingerprint,
    DROP COLUMN IF EXISTS guard_key,
    MODIFY COLUMN room VARBINARY(128) GENERATED ALWAYS AS (
        IF(dispatch_status IN ('dispatched', 'failed', 'skipped'), NULL, REPEAT(' ', GREATEST(0, 128
            - LENGTH(dispatch_status)
            - IF(claimed_by IS NULL, 0, 1 + LENGTH(claimed_by))
            - IF(dispatch_target IS NULL, 0, 1 + LENGTH(dispatch_target))
            - IF(attempted_at IS NULL, 0, 8)
            - IF(settling_since IS NULL, 0, 8))))
    ) PERSISTENT INVISIBLE COMMENT 'blanks: what the dispatch will need of the page',
    DROP CONSTRAINT IF EXISTS ck_poundcake_alerts_dispatch_status,
    ADD CONSTRAINT ck_poundcake_alerts_dispatch_status CHECK (dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution', 'dispatched', 'failed', 'skipped'));
ALTER TABLE poundcake_alerts
    DROP COLUMN IF EXISTS dispatch_waived,
    DROP COLUMN IF EXISTS first_started_at,
    DROP COLUMN IF EXISTS started_at,
    DROP COLUMN IF EXISTS guard_target,
    DROP COLUMN IF EXISTS dispatch_route;
