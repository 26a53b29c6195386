-- A link copies what guards count, so that a replay of its alert loses no start; `ended_at` frees its place.
ALTER TABLE poundcake_st2_execution_link ADD COLUMN fingerprint TEXT NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN route TEXT NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN guard_target TEXT NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN started_at TIMESTAMP NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN ended_at TIMESTAMP NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN end_status TEXT NULL;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE WHEN started_at IS NOT NULL AND guard_target IS NOT NULL AND ended_at IS NULL THEN 'place/' || route END
) VIRTUAL;
CREATE INDEX ix_poundcake_st2_execution_link_places ON poundcake_st2_execution_link (guard_key);
CREATE INDEX ix_poundcake_st2_execution_link_starts_of_fingerprint ON poundcake_st2_execution_link (fingerprint, started_at);
CREATE INDEX ix_poundcake_st2_execution_link_starts_of_route ON poundcake_st2_execution_link (route, started_at);
CREATE INDEX ix_poundcake_st2_execution_link_starts_of_target ON poundcake_st2_execution_link (guard_target, started_at);
