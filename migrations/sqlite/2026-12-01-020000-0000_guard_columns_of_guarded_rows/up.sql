-- What only guarded routes count is NULL in the rows of other routes, so that a dispatch without guards changes none of these indexes.
ALTER TABLE poundcake_alerts ADD COLUMN guarded_start TIMESTAMP GENERATED ALWAYS AS (
    CASE WHEN guard_target IS NOT NULL THEN started_at END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN target_queue TEXT GENERATED ALWAYS AS (
    CASE WHEN dispatch_reason = 'target_rate' THEN dispatch_route END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN target_until TIMESTAMP GENERATED ALWAYS AS (
    CASE WHEN dispatch_reason = 'target_rate' THEN next_attempt_at END
) VIRTUAL;
CREATE INDEX ix_poundcake_alerts_guarded_starts_of_route ON poundcake_alerts (started_route, guarded_start);
CREATE INDEX ix_poundcake_alerts_guarded_starts_of_target ON poundcake_alerts (guard_target, guarded_start);
CREATE INDEX ix_poundcake_alerts_target_queue ON poundcake_alerts (target_queue, guard_target, target_until);
DROP INDEX ix_poundcake_alerts_starts_of_route;
DROP INDEX ix_poundcake_alerts_starts_of_target;
DROP INDEX ix_poundcake_alerts_waiting_target_of_route;
