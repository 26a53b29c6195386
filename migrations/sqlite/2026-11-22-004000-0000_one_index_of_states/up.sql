CREATE INDEX ix_poundcake_alerts_states ON poundcake_alerts (dispatch_status, next_attempt_at, created_at);
DROP INDEX ix_poundcake_alerts_due;
DROP INDEX ix_poundcake_alerts_status;
