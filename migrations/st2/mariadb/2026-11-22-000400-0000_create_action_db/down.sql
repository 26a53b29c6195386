DROP TABLE IF EXISTS {prefix}action_db;
