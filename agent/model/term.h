// Term: one reign of one node, as PostgreSQL granted it. A write proves its term inside its own transaction;
// holding a Term value proves nothing by itself. Plain value, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace syncnode {

struct Term {
  std::string cluster_name;
  std::string leader_id;  // "openwebui-sync-node-a", "openwebui-sync-node-b", "openwebui-sync-oneshot"
  std::string nonce;      // uuid, fresh per process start: two copies of one configuration never share a term
  int64_t epoch = 0;
};

}  // namespace syncnode
