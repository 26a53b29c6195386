DROP INDEX ix_poundcake_api_calls_pause_until;
DROP INDEX ix_poundcake_api_calls_ordered_at;
ALTER TABLE poundcake_api_calls DROP COLUMN pause_until;
ALTER TABLE poundcake_api_calls DROP COLUMN result;
ALTER TABLE poundcake_api_calls DROP COLUMN ordered_at;
ALTER TABLE poundcake_api_calls DROP COLUMN operator;
