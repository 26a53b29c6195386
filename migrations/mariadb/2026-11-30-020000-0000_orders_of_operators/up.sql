-- An order of an operator (replay, discard, release, approval, pause, resume) is a row like a webhook: the audit log. A pause in
-- force is found by its end.
ALTER TABLE poundcake_api_calls
    ADD COLUMN IF NOT EXISTS operator VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'who gave the order; NULL for webhooks',
    ADD COLUMN IF NOT EXISTS ordered_at DATETIME(6) NULL COMMENT 'UTC; orders only: created_at',
    ADD COLUMN IF NOT EXISTS result TEXT NULL COMMENT 'JSON: the result of the order; NULL until it is complete',
    ADD COLUMN IF NOT EXISTS pause_until DATETIME(6) NULL COMMENT 'UTC; pauses only: when it ends, or when it was resumed',
    ADD INDEX IF NOT EXISTS ix_poundcake_api_calls_ordered_at (ordered_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_api_calls_pause_until (pause_until);
