-- Writes rows from their images. {table} {columns} {values} {key} {action}. $1 images (json array) (sync/settlement.cpp).
INSERT INTO {table} ({columns})
SELECT {values} FROM json_array_elements($1::json) AS i(image)
ON CONFLICT ({key}) {action}
