ALTER TABLE poundcake_alerts
    DROP INDEX IF EXISTS ix_poundcake_alerts_created_at,
    DROP INDEX IF EXISTS ix_poundcake_alerts_fingerprint,
    DROP INDEX IF EXISTS ix_poundcake_alerts_alert_name,
    DROP INDEX IF EXISTS ix_poundcake_alerts_severity,
    DROP INDEX IF EXISTS ix_poundcake_alerts_instance,
    DROP INDEX IF EXISTS ix_poundcake_alerts_status,
    DROP INDEX IF EXISTS ix_poundcake_alerts_reason,
    DROP INDEX IF EXISTS ix_poundcake_alerts_target;
