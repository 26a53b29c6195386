ALTER TABLE poundcake_alerts DROP COLUMN IF EXISTS dispatch_silent;
