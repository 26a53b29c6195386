CREATE INDEX ix_poundcake_api_calls_status_code ON poundcake_api_calls (status_code, created_at);
