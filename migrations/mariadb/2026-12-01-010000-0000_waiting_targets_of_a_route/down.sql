ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_waiting_target (guard_target, dispatch_reason, next_attempt_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_waiting_target_of_route;
