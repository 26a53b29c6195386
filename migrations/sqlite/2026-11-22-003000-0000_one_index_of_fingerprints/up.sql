CREATE INDEX ix_poundcake_alerts_episodes ON poundcake_alerts (fingerprint, closed_at, created_at);
DROP INDEX ix_poundcake_alerts_episode;
DROP INDEX ix_poundcake_alerts_fingerprint;
