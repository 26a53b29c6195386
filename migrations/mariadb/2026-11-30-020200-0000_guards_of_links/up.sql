-- A link copies what guards count, so that a replay of its alert loses no start; `ended_at` frees its place. (Copies the table:
-- writes wait for it.)
ALTER TABLE poundcake_st2_execution_link
    ADD COLUMN IF NOT EXISTS fingerprint VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'the alert''s fingerprint: cooldown',
    ADD COLUMN IF NOT EXISTS route VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'the route that started it',
    ADD COLUMN IF NOT EXISTS guard_target VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'guarded routes: what per_target and brake count',
    ADD COLUMN IF NOT EXISTS started_at DATETIME(6) NULL COMMENT 'UTC; the start of its dispatch',
    ADD COLUMN IF NOT EXISTS ended_at DATETIME(6) NULL COMMENT 'UTC; when it was seen that the execution has ended',
    ADD COLUMN IF NOT EXISTS end_status VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'StackStorm''s status at the end; gone: StackStorm has deleted it; overdue: not ended at the deadline',
    ADD COLUMN IF NOT EXISTS guard_key VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (
        IF(started_at IS NULL OR guard_target IS NULL OR ended_at IS NOT NULL, NULL, CONCAT('place/', route))
    ) PERSISTENT COMMENT 'place/ROUTE while it takes a place',
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_places (guard_key),
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_starts_of_fingerprint (fingerprint, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_starts_of_route (route, started_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_starts_of_target (guard_target, started_at);
