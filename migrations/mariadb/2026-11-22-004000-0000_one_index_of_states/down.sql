ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_due (dispatch_status, next_attempt_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_status (dispatch_status, created_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_states;
