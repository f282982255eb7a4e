#include "config/problems.h"

#include <fmt/format.h>

namespace syncnode::config {

void Problems::add(std::string what, std::string cure) {
  items_.push_back({std::move(what), std::move(cure)});
}

Error Problems::to_error() const {
  std::string message = fmt::format("the configuration has {} problem{}", count(), count() == 1 ? "" : "s");
  for (const auto& item : items_) message += fmt::format("\n  - {}: {}", item.what, item.cure);
  return {ErrorCode::kInvalidArgument, std::move(message), ""};
}

}  // namespace syncnode::config
