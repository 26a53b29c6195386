-- Whether the last call of an uncertain row may still hang inside StackStorm: then its lookups must stay empty for longer.
ALTER TABLE poundcake_alerts ADD COLUMN dispatch_silent BOOLEAN NOT NULL DEFAULT 1;
