ALTER TABLE poundcake_st2_execution_link
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_guard_target,
    MODIFY COLUMN guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL OR guard_target IS NULL OR ended_at IS NOT NULL, NULL, CONCAT('place/', route))
    ) PERSISTENT COMMENT 'place/ROUTE while it takes a place',
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_places (guard_key),
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_starts_of_target (guard_target, started_at);
ALTER TABLE poundcake_alerts
    DROP INDEX IF EXISTS ix_poundcake_alerts_guard_key,
    DROP INDEX IF EXISTS ix_poundcake_alerts_guard_target,
    DROP COLUMN IF EXISTS guard_at,
    MODIFY COLUMN guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        CASE
            WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
                THEN CONCAT(IF(dispatch_waived LIKE '%"brake"%', 'released/', 'held/'), dispatch_route)
            WHEN started_at IS NOT NULL AND guard_target IS NOT NULL
                AND dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution')
                THEN CONCAT('place/', dispatch_route)
        END
    ) PERSISTENT COMMENT 'held/ROUTE and released/ROUTE: in its line; place/ROUTE: takes a place'
        AFTER dispatch_waived,
    ADD COLUMN IF NOT EXISTS started_route VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL OR guard_target IS NULL, NULL, dispatch_route)
    ) PERSISTENT COMMENT 'dispatch_route, of started rows of guarded routes: rate',
    ADD COLUMN IF NOT EXISTS guarded_start DATETIME(6) GENERATED ALWAYS AS (
        IF(guard_target IS NULL, NULL, started_at)
    ) PERSISTENT COMMENT 'started_at, of guarded routes: rate, per_target and brake',
    ADD COLUMN IF NOT EXISTS target_queue VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(dispatch_reason = 'target_rate', dispatch_route, NULL)
    ) PERSISTENT COMMENT 'dispatch_route, of rows that wait for their target',
    ADD COLUMN IF NOT EXISTS target_until DATETIME(6) GENERATED ALWAYS AS (
        IF(dispatch_reason = 'target_rate', next_attempt_at, NULL)
    ) PERSISTENT COMMENT 'next_attempt_at, of rows that wait for their target',
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_line (guard_key, pending_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_line_targets (guard_key, guard_target),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guarded_starts_of_route (started_route, guarded_start),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guarded_starts_of_target (guard_target, guarded_start),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_target_queue (target_queue, guard_target, target_until);
