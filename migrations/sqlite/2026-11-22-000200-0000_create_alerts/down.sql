DROP TABLE poundcake_alerts;
