-- What a verify found, before its job is final. $1 job, $2 the report, a JSON text. Called by sync/job_journal.cpp.
UPDATE sync_metadata.sync_jobs SET report = $2::json WHERE job_id = $1::uuid
