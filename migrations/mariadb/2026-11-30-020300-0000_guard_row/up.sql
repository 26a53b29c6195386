-- The guard row: admissions change it first, so they happen one after the other. Its body has the brakes that stay on. Its
-- operator is set, so it is no webhook. Its id is negative, because `migrate legacy` keeps the ids of old rows.
INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, operator, created_at)
SELECT -1, '00000000-0000-0000-0000-000000000000', 'GUARD', '/guards', '{}', '{}', 0, 'poundcake', UTC_TIMESTAMP(6) FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM poundcake_api_calls WHERE id = -1);
