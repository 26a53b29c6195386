-- One index per filter, each in the order of the list: newest first by (created_at, id). One ALTER: one pass over the table.
ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_created_at (created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_fingerprint (fingerprint, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_alert_name (alert_name, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_severity (severity, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_instance (instance, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_status (dispatch_status, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_reason (dispatch_reason, created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_target (dispatch_target, created_at);
