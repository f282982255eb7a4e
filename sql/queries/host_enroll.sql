-- Notes which machine the caller's host is. $1 machine. No columns of interest. deploy/project_database.cpp.
SELECT sync_metadata.enroll_host($1::text)
