DROP TABLE IF EXISTS {prefix}poundcake_tracker;
