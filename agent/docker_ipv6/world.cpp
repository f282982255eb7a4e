#include "docker_ipv6/world.h"

#include <algorithm>

namespace syncnode::docker_ipv6 {
namespace {

// The one that this host got earlier; else a new one.
Result<Prefix> suggested_prefix(const DaemonFile& file) {
  const std::vector<Change> none;
  const auto& changes = file.record() ? file.record()->changes : none;
  const auto known = std::ranges::find(changes, "fixed-cidr-v6", &Change::key);
  if (known != changes.end()) {
    const auto value = json::parse(known->after);
    if (value && value->is_string()) return parse_prefix(value->get<std::string>());
  }
  return draw_unique_local();
}

}  // namespace

Result<World> look_at_world() {
  SN_ASSIGN(DaemonFile file, DaemonFile::look());
  Installation docker = find_docker();
  Engine engine = ask_engine(docker, file.text());
  return World{std::move(file), std::move(docker), engine, look_at_network()};
}

Result<Plan> plan_enable(const World& world, const Wishes& wishes) {
  SN_ASSIGN(const Prefix suggested, suggested_prefix(world.file));
  auto plan = plan_enable({.version = world.docker.version,
                           .flags = world.docker.flags,
                           .unread = world.docker.unread,
                           .text = world.file.text(),
                           .kernel_has_ipv6 = world.network.has_ipv6,
                           .taken = world.network.taken,
                           .advertised_on = world.network.advertised_on,
                           .suggested = suggested},
                          wishes);
  if (!plan) return std::move(plan).error().with_context("'" + world.file.path() + "'");
  return plan;
}

}  // namespace syncnode::docker_ipv6
