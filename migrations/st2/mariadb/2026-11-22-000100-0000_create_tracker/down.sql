DROP TABLE IF EXISTS {prefix}tracker_state;
