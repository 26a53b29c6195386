ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_episode (fingerprint, closed_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_fingerprint (fingerprint, created_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_episodes;
