DROP TABLE IF EXISTS {prefix}webhook_db;
