-- Every step of a dispatch moves its row in each index that begins with the state. One index serves the sweep, and the list of
-- one state: what is settled has no due time, so there it is in the list's order.
ALTER TABLE poundcake_alerts
    ADD INDEX IF NOT EXISTS ix_poundcake_alerts_states (dispatch_status, next_attempt_at, created_at),
    DROP INDEX IF EXISTS ix_poundcake_alerts_due,
    DROP INDEX IF EXISTS ix_poundcake_alerts_status;
