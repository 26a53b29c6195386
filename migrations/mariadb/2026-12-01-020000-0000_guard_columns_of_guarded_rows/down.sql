ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_starts_of_route (started_route, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_starts_of_target (guard_target, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_waiting_target_of_route
        (guard_target, dispatch_route, dispatch_reason, next_attempt_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_guarded_starts_of_route,
    DROP INDEX IF EXISTS ix_poundcake_alerts_guarded_starts_of_target,
    DROP INDEX IF EXISTS ix_poundcake_alerts_target_queue,
    DROP COLUMN IF EXISTS guarded_start,
    DROP COLUMN IF EXISTS target_queue,
    DROP COLUMN IF EXISTS target_until;
