CREATE INDEX ix_poundcake_alerts_waiting_target_of_route
    ON poundcake_alerts (guard_target, dispatch_route, dispatch_reason, next_attempt_at);
DROP INDEX ix_poundcake_alerts_waiting_target;
