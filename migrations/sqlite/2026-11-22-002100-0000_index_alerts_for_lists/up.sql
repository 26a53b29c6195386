CREATE INDEX ix_poundcake_alerts_created_at ON poundcake_alerts (created_at);
CREATE INDEX ix_poundcake_alerts_fingerprint ON poundcake_alerts (fingerprint, created_at);
CREATE INDEX ix_poundcake_alerts_alert_name ON poundcake_alerts (alert_name, created_at);
CREATE INDEX ix_poundcake_alerts_severity ON poundcake_alerts (severity, created_at);
CREATE INDEX ix_poundcake_alerts_instance ON poundcake_alerts (instance, created_at);
CREATE INDEX ix_poundcake_alerts_status ON poundcake_alerts (dispatch_status, created_at);
CREATE INDEX ix_poundcake_alerts_reason ON poundcake_alerts (dispatch_reason, created_at);
CREATE INDEX ix_poundcake_alerts_target ON poundcake_alerts (dispatch_target, created_at);
