CREATE INDEX ix_poundcake_alerts_due ON poundcake_alerts (dispatch_status, next_attempt_at);
CREATE INDEX ix_poundcake_alerts_status ON poundcake_alerts (dispatch_status, created_at);
DROP INDEX ix_poundcake_alerts_states;
