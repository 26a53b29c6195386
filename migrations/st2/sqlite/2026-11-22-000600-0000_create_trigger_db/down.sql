DROP TABLE IF EXISTS {prefix}trigger_db;
