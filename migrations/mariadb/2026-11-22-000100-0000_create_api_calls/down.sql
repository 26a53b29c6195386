DROP TABLE poundcake_api_calls;
