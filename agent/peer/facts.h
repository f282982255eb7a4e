// NodeFacts: what a node writes into its lock file for the other node of its host, one key=value line.
// Refuses what is not complete: a reader may come while it is written. Plain value, any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncnode::peer {

struct NodeFacts {
  std::string node_id;  // "openwebui-sync-node-a"
  std::string nonce;    // of the process; its terms carry the same
  pid_t pid = 0;
  int api_port = 0;
  uint64_t inode = 0;  // of the lock file: a copy of the line in another file says nothing about its writer

  bool operator==(const NodeFacts&) const = default;
};

// "node_id=… nonce=… pid=… api_port=… inode=… end\n"; the words hold no white space.
std::string to_line(const NodeFacts& facts);
std::optional<NodeFacts> from_line(std::string_view text);

}  // namespace syncnode::peer
