-- An order of an operator (replay, discard, release, approval, pause, resume) is a row like a webhook: the audit log. A pause in
-- force is found by its end.
ALTER TABLE poundcake_api_calls ADD COLUMN operator TEXT NULL;
ALTER TABLE poundcake_api_calls ADD COLUMN ordered_at TIMESTAMP NULL;
ALTER TABLE poundcake_api_calls ADD COLUMN result TEXT NULL;
ALTER TABLE poundcake_api_calls ADD COLUMN pause_until TIMESTAMP NULL;
CREATE INDEX ix_poundcake_api_calls_ordered_at ON poundcake_api_calls (ordered_at);
CREATE INDEX ix_poundcake_api_calls_pause_until ON poundcake_api_calls (pause_until);
