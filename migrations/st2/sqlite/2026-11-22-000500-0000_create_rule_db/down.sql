DROP TABLE IF EXISTS {prefix}rule_db;
