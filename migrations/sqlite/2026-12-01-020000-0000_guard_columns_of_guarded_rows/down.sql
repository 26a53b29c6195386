DROP INDEX ix_poundcake_alerts_guarded_starts_of_route;
DROP INDEX ix_poundcake_alerts_guarded_starts_of_target;
DROP INDEX ix_poundcake_alerts_target_queue;
CREATE INDEX ix_poundcake_alerts_starts_of_route ON poundcake_alerts (started_route, started_at);
CREATE INDEX ix_poundcake_alerts_starts_of_target ON poundcake_alerts (guard_target, started_at);
CREATE INDEX ix_poundcake_alerts_waiting_target_of_route
    ON poundcake_alerts (guard_target, dispatch_route, dispatch_reason, next_attempt_at);
ALTER TABLE poundcake_alerts DROP COLUMN guarded_start;
ALTER TABLE poundcake_alerts DROP COLUMN target_queue;
ALTER TABLE poundcake_alerts DROP COLUMN target_until;
