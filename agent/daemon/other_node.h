// NeighbourNode: the other node of this host, known from its lock file; what a follower was asked to write
// goes to its HTTP door, with the token both nodes share. Refuses to send what was forwarded already.
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "control/ports.h"
#include "daemon/live_settings.h"
#include "peer/facts.h"

namespace syncnode::daemon {

class NeighbourNode final : public control::OtherNode {
 public:
  explicit NeighbourNode(const LiveSettings& settings) : settings_(settings) {}

  void alive(const peer::NodeFacts& facts);
  void died(const peer::NodeFacts& facts);

  Result<control::StateView> set_state(const std::string& caller, const std::string& key,
                                       const std::string& value, std::optional<int64_t> if_version,
                                       Deadline deadline) override;

 private:
  const LiveSettings& settings_;
  std::mutex mutex_;
  std::optional<peer::NodeFacts> facts_;
};

}  // namespace syncnode::daemon
