// What enable changed, kept beside daemon.json so that disable can take back exactly that. Not below
// /var/lib/sync-node: that directory is the agent's, and what root obeys must not be writable by others.
// Refuses keys that are not ours, whatever the record says. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "docker_ipv6/daemon_text.h"

namespace syncnode::docker_ipv6 {

struct Record {
  bool created = false;  // there was no daemon.json
  std::vector<Change> changes;
};

std::string to_text(const Record& record);
Result<Record> parse_record(std::string_view text);

// Is something of it still in this text? Then the backup is the file before any of our changes.
bool in_effect(const Record& record, std::string_view text);

// `earlier` and what was changed after it, as one step: keys keep their first `before`.
Record joined(const Record& earlier, const std::vector<Change>& later);

}  // namespace syncnode::docker_ipv6
