ALTER TABLE poundcake_alerts DROP COLUMN dispatch_silent;
