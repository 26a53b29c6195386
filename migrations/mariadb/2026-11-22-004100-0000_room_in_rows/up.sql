-- InnoDB fills its pages as rows are inserted. A row that grows in a full page costs a rewrite of the page, and in the end a split:
-- that was a quarter of what a claim cost. So a row brings along the room that its dispatch will fill; what is settled has none.
-- (Copies the table: writes wait for it.)
ALTER TABLE poundcake_alerts
    ADD COLUMN IF NOT EXISTS room VARBINARY(128) GENERATED ALWAYS AS (
        IF(dispatch_status IN ('dispatched', 'failed', 'skipped'), NULL, REPEAT(' ', GREATEST(0, 128
            - LENGTH(dispatch_status)
            - IF(claimed_by IS NULL, 0, 1 + LENGTH(claimed_by))
            - IF(dispatch_target IS NULL, 0, 1 + LENGTH(dispatch_target))
            - IF(attempted_at IS NULL, 0, 8)
            - IF(settling_since IS NULL, 0, 8))))
    ) PERSISTENT INVISIBLE COMMENT 'blanks: what the dispatch will need of the page';
