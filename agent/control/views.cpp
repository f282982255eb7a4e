#include "control/views.h"

namespace syncnode::control {

std::string_view to_string(HealthWord word) {
  switch (word) {
    case HealthWord::kHealthy:
      return "healthy";
    case HealthWord::kDegraded:
      return "degraded";
    case HealthWord::kUnhealthy:
      return "unhealthy";
  }
  return "unhealthy";
}

}  // namespace syncnode::control
