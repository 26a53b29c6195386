CREATE INDEX ix_poundcake_alerts_episode ON poundcake_alerts (fingerprint, closed_at);
CREATE INDEX ix_poundcake_alerts_fingerprint ON poundcake_alerts (fingerprint, created_at);
DROP INDEX ix_poundcake_alerts_episodes;
