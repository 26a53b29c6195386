-- What only guarded routes count is NULL in the rows of other routes, so that a dispatch without guards changes none of these indexes.
-- (Copies the table: writes wait for it.)
ALTER TABLE poundcake_alerts
    ADD COLUMN IF NOT EXISTS guarded_start DATETIME(6) GENERATED ALWAYS AS (
        IF(guard_target IS NULL, NULL, started_at)
    ) PERSISTENT COMMENT 'started_at, of guarded routes: rate, per_target and brake',
    ADD COLUMN IF NOT EXISTS target_queue VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(dispatch_reason = 'target_rate', dispatch_route, NULL)
    ) PERSISTENT COMMENT 'dispatch_route, of rows that wait for their target',
    ADD COLUMN IF NOT EXISTS target_until DATETIME(6) GENERATED ALWAYS AS (
        IF(dispatch_reason = 'target_rate', next_attempt_at, NULL)
    ) PERSISTENT COMMENT 'next_attempt_at, of rows that wait for their target',
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guarded_starts_of_route (started_route, guarded_start),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guarded_starts_of_target (guard_target, guarded_start),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_target_queue (target_queue, guard_target, target_until),
    DROP INDEX IF EXISTS ix_poundcake_alerts_starts_of_route,
    DROP INDEX IF EXISTS ix_poundcake_alerts_starts_of_target,
    DROP INDEX IF EXISTS ix_poundcake_alerts_waiting_target_of_route;
