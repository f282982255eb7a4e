-- Locks the row whose image this is. {table} {match}. $1 image (json). A line where there is one (sync/resolution.cpp).
SELECT 1 FROM {table} t CROSS JOIN (SELECT $1::json AS image) i WHERE {match} FOR UPDATE OF t
