CREATE TABLE IF NOT EXISTS poundcake_api_calls (
    id BIGINT NOT NULL AUTO_INCREMENT,
    request_id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'UUIDv7, made by PoundCake; the public id of the webhook',
    method VARCHAR(16) NOT NULL COMMENT 'HTTP method',
    path VARCHAR(255) NOT NULL COMMENT 'HTTP path',
    headers JSON NOT NULL COMMENT 'allow-listed headers; no credentials, no cookies',
    body LONGTEXT NOT NULL COMMENT 'the body, verbatim',
    status_code INT NOT NULL COMMENT 'what the sender was answered',
    created_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    client_request_id VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'X-Request-ID of the sender, if well-formed',
    client_address VARCHAR(64) NULL COMMENT 'peer address',
    PRIMARY KEY (id),
    UNIQUE KEY uq_poundcake_api_calls_request_id (request_id),
    KEY ix_poundcake_api_calls_created_at (created_at),
    KEY ix_poundcake_api_calls_client_request_id (client_request_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'PoundCake: one row per webhook';
