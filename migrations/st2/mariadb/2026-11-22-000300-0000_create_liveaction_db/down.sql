DROP TABLE IF EXISTS {prefix}liveaction_db;
