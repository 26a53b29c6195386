-- Several routes may hold rows for one target: each route has a queue of its own.
ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_waiting_target_of_route
        (guard_target, dispatch_route, dispatch_reason, next_attempt_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_waiting_target;
