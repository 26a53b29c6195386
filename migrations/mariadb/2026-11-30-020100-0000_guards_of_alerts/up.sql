-- The state `held`, and what guards count: an alert that waits in its route's line, its place while it is started and not
-- settled, its start. Each count has an index of its own, so it depends neither on the backlog nor on history. (Copies the table:
-- writes wait for it.)
ALTER TABLE poundcake_alerts
    ADD COLUMN IF NOT EXISTS dispatch_route VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'the route that the last claim chose',
    ADD COLUMN IF NOT EXISTS guard_target VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'guarded routes: what per_target and brake count; NULL on other routes',
    ADD COLUMN IF NOT EXISTS started_at DATETIME(6) NULL
        COMMENT 'UTC; when this generation was started; NULL again when it is certain that nothing ran',
    ADD COLUMN IF NOT EXISTS first_started_at DATETIME(6) NULL COMMENT 'UTC; the first start of this generation',
    ADD COLUMN IF NOT EXISTS dispatch_waived VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'JSON: what a person has waived for this generation',
    ADD COLUMN IF NOT EXISTS guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        CASE
            WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
                THEN CONCAT(IF(dispatch_waived LIKE '%"brake"%', 'released/', 'held/'), dispatch_route)
            WHEN started_at IS NOT NULL AND guard_target IS NOT NULL
                AND dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution')
                THEN CONCAT('place/', dispatch_route)
        END
    ) PERSISTENT COMMENT 'held/ROUTE and released/ROUTE: in its line; place/ROUTE: takes a place',
    ADD COLUMN IF NOT EXISTS started_fingerprint VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL, NULL, fingerprint)
    ) PERSISTENT COMMENT 'fingerprint, of started rows: cooldown',
    ADD COLUMN IF NOT EXISTS started_route VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL OR guard_target IS NULL, NULL, dispatch_route)
    ) PERSISTENT COMMENT 'dispatch_route, of started rows of guarded routes: rate',
    MODIFY COLUMN room VARBINARY(176) GENERATED ALWAYS AS (
        IF(dispatch_status IN ('dispatched', 'failed', 'skipped'), NULL, REPEAT(' ', GREATEST(0, 176
            - LENGTH(dispatch_status)
            - IF(claimed_by IS NULL, 0, 1 + LENGTH(claimed_by))
            - IF(dispatch_target IS NULL, 0, 1 + LENGTH(dispatch_target))
            - IF(dispatch_route IS NULL, 0, 1 + LENGTH(dispatch_route))
            - IF(started_at IS NULL, 0, 17 + LENGTH(fingerprint))
            - IF(attempted_at IS NULL, 0, 8)
            - IF(settling_since IS NULL, 0, 8))))
    ) PERSISTENT INVISIBLE COMMENT 'blanks: what the dispatch will need of the page',
    DROP CONSTRAINT IF EXISTS ck_poundcake_alerts_dispatch_status,
    ADD CONSTRAINT ck_poundcake_alerts_dispatch_status CHECK (dispatch_status IN ('pending', 'queued', 'held', 'dispatching', 'awaiting_execution', 'dispatched', 'failed', 'skipped')),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_line (guard_key, pending_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_line_targets (guard_key, guard_target),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_starts_of_fingerprint (started_fingerprint, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_starts_of_route (started_route, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_starts_of_target (guard_target, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_waiting_target (guard_target, dispatch_reason, next_attempt_at);
