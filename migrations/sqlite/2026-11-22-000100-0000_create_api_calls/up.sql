CREATE TABLE poundcake_api_calls (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    client_request_id TEXT NULL,
    client_address TEXT NULL,
    CONSTRAINT uq_poundcake_api_calls_request_id UNIQUE (request_id)
);
CREATE INDEX ix_poundcake_api_calls_created_at ON poundcake_api_calls (created_at);
CREATE INDEX ix_poundcake_api_calls_client_request_id ON poundcake_api_calls (client_request_id);
