-- A row is one thing to the guards of its route at a time: it stands in the line, waits for its target, takes a place, or was
-- started. So two indexes of `guard_key` replace five, and one replaces two of the links. Each alert is inserted with fewer entries.
-- (Copies both tables: writes wait for it.)
ALTER TABLE poundcake_alerts
    DROP INDEX IF EXISTS ix_poundcake_alerts_line,
    DROP INDEX IF EXISTS ix_poundcake_alerts_line_targets,
    DROP INDEX IF EXISTS ix_poundcake_alerts_guarded_starts_of_route,
    DROP INDEX IF EXISTS ix_poundcake_alerts_guarded_starts_of_target,
    DROP INDEX IF EXISTS ix_poundcake_alerts_target_queue,
    DROP COLUMN IF EXISTS started_route,
    DROP COLUMN IF EXISTS guarded_start,
    DROP COLUMN IF EXISTS target_queue,
    DROP COLUMN IF EXISTS target_until,
    MODIFY COLUMN guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        CASE
            WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
                THEN CONCAT(IF(dispatch_waived LIKE '%"brake"%', 'released/', 'held/'), dispatch_route)
            WHEN dispatch_status = 'held' AND dispatch_reason = 'target_rate' THEN CONCAT('target/', dispatch_route)
            WHEN started_at IS NULL OR guard_target IS NULL THEN NULL
            WHEN dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution')
                THEN CONCAT('place/', dispatch_route)
            ELSE CONCAT('start/', dispatch_route)
        END
    ) PERSISTENT COMMENT 'held/ROUTE, released/ROUTE: in its line; target/ROUTE: waits for its target; place/ROUTE: takes a place; start/ROUTE: started and settled'
        AFTER started_fingerprint,
    ADD COLUMN IF NOT EXISTS guard_at DATETIME(6) GENERATED ALWAYS AS (
        CASE
            WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake') THEN pending_at
            WHEN dispatch_status = 'held' AND dispatch_reason = 'target_rate' THEN next_attempt_at
            WHEN guard_target IS NOT NULL THEN started_at
        END
    ) PERSISTENT COMMENT 'UTC; pending_at of the line, next_attempt_at of what waits for its target, else started_at',
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guard_key (guard_key, guard_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_guard_target (guard_key, guard_target, guard_at);
ALTER TABLE poundcake_st2_execution_link
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_places,
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_starts_of_target,
    MODIFY COLUMN guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL OR guard_target IS NULL, NULL, CONCAT(IF(ended_at IS NULL, 'place/', 'start/'), route))
    ) PERSISTENT COMMENT 'place/ROUTE while it takes a place; start/ROUTE when it has ended',
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_guard_target (guard_key, guard_target, started_at);
