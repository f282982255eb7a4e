-- As merge_rows, for a table with json columns: a value that is there already, byte for byte, is neither parsed nor
-- stored again. {sent_values} one per column, of "sent" and "stored"; {stored_match} what makes those two one row; json columns come as
-- text[]. OFFSET 0: looked up by the key, row by row, whatever the planner thinks of the table (sync/merge.cpp).
INSERT INTO {table} ({columns})
SELECT {sent_values}
  FROM unnest({arrays}) AS sent ({columns})
  LEFT JOIN LATERAL (SELECT * FROM {table} AS present WHERE {stored_match} OFFSET 0) AS stored ON true
ON CONFLICT ({key}) {action}
