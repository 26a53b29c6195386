DROP TABLE IF EXISTS {prefix}workflow_db;
