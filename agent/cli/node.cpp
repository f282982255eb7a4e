#include "cli/node.h"

#include <fmt/format.h>

namespace syncnode::cli {

Result<std::unique_ptr<Node>> reach_node(const NodeOptions& options, const config::Settings& settings) {
  if (!options.remote.empty()) return reach_http_node(options);
  return reach_bus_node(options.node, settings);
}

bool serves(Node& node, const config::Settings& settings) {
  if (settings.cluster_name.empty()) return true;
  const auto health = node.health();
  return health && health->leadership.cluster_name == settings.cluster_name;
}

StateChange interval_change(const std::string& client, int seconds) {
  const std::string interval = seconds == 0 ? R"("live")" : std::to_string(seconds);
  return {"deployment." + client, fmt::format(R"({{"sync_interval":{}}})", interval)};
}

std::string short_name(const std::string& node_id) {
  constexpr std::string_view kPrefix = "openwebui-sync-";
  return node_id.starts_with(kPrefix) ? node_id.substr(kPrefix.size()) : node_id;
}

}  // namespace syncnode::cli
