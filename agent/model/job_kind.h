// JobKind: what a job of sync_jobs is to do, and the word it waits under there, so that whoever leads next
// does the same. Plain value, any thread.
#pragma once

#include <string_view>

namespace syncnode {

enum class JobKind { kSync, kFullSync, kVerify };

// sync_jobs.sync_type of a job that has not ended; a sync that has says what it came to (sync/run.cpp).
constexpr std::string_view to_string(JobKind kind) {
  switch (kind) {
    case JobKind::kSync:
      return "incremental";
    case JobKind::kFullSync:
      return "full";
    case JobKind::kVerify:
      return "verify";
  }
  return "incremental";
}

// A word that is none of these asks for a sync: an administrator may have queued it.
constexpr JobKind job_kind(std::string_view sync_type) {
  if (sync_type == to_string(JobKind::kFullSync)) return JobKind::kFullSync;
  return sync_type == to_string(JobKind::kVerify) ? JobKind::kVerify : JobKind::kSync;
}

}  // namespace syncnode
