DELETE FROM poundcake_api_calls WHERE id = -1;
