-- Whether the last call of an uncertain row may still hang inside StackStorm: then its lookups must stay empty for longer.
-- 1 until an answer, or a closed connection, shows that the call is over; so it is 1 for rows that are uncertain now.
ALTER TABLE poundcake_alerts
    ADD COLUMN IF NOT EXISTS dispatch_silent TINYINT(1) NOT NULL DEFAULT 1
        COMMENT '0: the last call is over; 1: it may hang inside StackStorm, and act many minutes later';
