-- SQLite rewrites a row that grows at no such cost.
SELECT 1;
