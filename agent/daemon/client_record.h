// ClientRecord: what this node knows of one client from the list and from its own runs, to tell its health
// and how far its copy is behind. Reads the times of the source's files when asked (two stat calls), never
// opens them. Plain value; its owner serialises.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "control/ports.h"
#include "daemon/job_end.h"

namespace syncnode::daemon {

struct ClientRecord {
  std::string sqlite_path;
  std::string last_status;  // of sync_jobs: success, failed, held, starved, …; "" before the first run
  // Everything the source had committed by then is in the copy; nothing: it never was synced.
  std::optional<std::chrono::system_clock::time_point> current_as_of;
  std::string decided{};  // by people, for the next run, as the list has it

  // A run ended that read the source at `as_of` at the earliest. What a verify that could not compare says of
  // the last sync is not known, and a copy that differs is current as of nothing.
  void ended(JobKind kind, const JobEnd& end, std::chrono::system_clock::time_point as_of);

  // Something was written since; false when that is not known.
  bool is_behind() const;
  control::ClientFacts facts(const std::string& name, std::chrono::system_clock::time_point now) const;
};

// When the database or its log was last written; nothing when neither is there.
std::optional<std::chrono::system_clock::time_point> last_written(const std::string& sqlite_path);

}  // namespace syncnode::daemon
