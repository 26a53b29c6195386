-- Fingerprints are hashes: every new alert touches a page of its own in each index that begins with one. One index serves
-- the episode decision, and holds what a list of one fingerprint is sorted by.
ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_episodes (fingerprint, closed_at, created_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_episode,
    DROP INDEX IF EXISTS ix_poundcake_alerts_fingerprint;
