-- Decides one held change, once.
-- $1 held_id, $2 'released' or 'rejected', $3 who decides. No columns of interest.
-- Called by `sync-nodectl held release` and `held reject` (cli/command_held_decide.cpp).
SELECT sync_metadata.decide_held($1::uuid, $2::text, $3::text)
