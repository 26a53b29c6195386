-- A held row was never sent: the relay publishes it.
UPDATE poundcake_alerts SET dispatch_status = 'pending', dispatch_reason = NULL WHERE dispatch_status = 'held';
DROP INDEX ix_poundcake_alerts_waiting_target;
DROP INDEX ix_poundcake_alerts_starts_of_target;
DROP INDEX ix_poundcake_alerts_starts_of_route;
DROP INDEX ix_poundcake_alerts_starts_of_fingerprint;
DROP INDEX ix_poundcake_alerts_line_targets;
DROP INDEX ix_poundcake_alerts_line;
ALTER TABLE poundcake_alerts DROP COLUMN started_route;
ALTER TABLE poundcake_alerts DROP COLUMN started_fingerprint;
ALTER TABLE poundcake_alerts DROP COLUMN guard_key;
ALTER TABLE poundcake_alerts DROP COLUMN dispatch_waived;
ALTER TABLE poundcake_alerts DROP COLUMN first_started_at;
ALTER TABLE poundcake_alerts DROP COLUMN started_at;
ALTER TABLE poundcake_alerts DROP COLUMN guard_target;
ALTER TABLE poundcake_alerts DROP COLUMN dispatch_route;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''pending'', ''queued'', ''held'', ''dispatching''', '(''pending'', ''queued'', ''dispatching''')
WHERE type = 'table' AND name = 'poundcake_alerts';
PRAGMA writable_schema = RESET;
