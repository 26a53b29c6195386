DROP TABLE IF EXISTS {prefix}execution_db;
