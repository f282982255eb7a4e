// Health: one word and its reasons, from what was measured. Unhealthy: this node cannot do its duty.
// Degraded: it does, but late, or some clients fail. Refuses to call unknown healthy. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "control/ports.h"
#include "control/views.h"

namespace syncnode::control {

struct HealthFacts {
  LeadershipView leadership;
  Leadership::Contact contact;
  std::optional<std::vector<ClientFacts>> clients;
  std::vector<std::string> stalled;  // loops that did not turn within their bounds
  std::chrono::seconds lease{60};    // without the database longer than this: no duty can be done
  Deadline started, now;
};

// Fills status, reasons, the database and the client counts; the caller adds the rest.
HealthView judge(const HealthFacts& facts);

}  // namespace syncnode::control
