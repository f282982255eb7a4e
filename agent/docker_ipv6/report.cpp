#include "docker_ipv6/report.h"

#include <fmt/format.h>

#include "json/known.h"

namespace syncnode::docker_ipv6 {
namespace {

constexpr char kDrawn[] = "(a random unique local /64, drawn by enable; or choose one with --cidr)";

bool is_drawn(const Plan& plan, const Change& change) {
  return plan.takes_suggestion && change.key == "fixed-cidr-v6";
}

json::Json document_of(const Plan& plan, const Change& change) {
  return {{"key", change.key},
          {"before", change.before ? json::known_document(*change.before) : json::Json(nullptr)},
          {"after", is_drawn(plan, change) ? json::Json(nullptr) : json::known_document(change.after)}};
}

json::Json documents_of(const Plan& plan, const std::vector<Change>& changes) {
  json::Json list = json::Json::array();
  for (const Change& change : changes) list.push_back(document_of(plan, change));
  return list;
}

json::Json docker_document(const World& world) {
  const auto& version = world.docker.version;
  return {{"installed", !world.docker.program.empty()},
          {"version", version ? json::Json(to_string(*version)) : json::Json(nullptr)},
          {"running", world.docker.is_active || world.engine.answers},
          {"containers_running", json::known(world.engine.containers)},
          {"live_restore", json::known(world.engine.live_restore)}};
}

json::Json reasons_document(const Plan& plan) {
  json::Json list = json::Json::array();
  for (const Error& refusal : plan.refusals) {
    list.push_back({{"reason", refusal.message}, {"hint", refusal.hint}});
  }
  return list;
}

std::string yes_or_no(const std::optional<bool>& known) {
  if (!known) return "not known";
  return *known ? "yes" : "no";
}

std::string docker_text(const World& world) {
  if (world.docker.program.empty()) return "Docker is not installed";
  const std::string name =
      world.docker.version ? "Docker " + to_string(*world.docker.version) : "Docker of unknown version";
  if (!world.docker.is_active && !world.engine.answers) return name + " does not run";
  return fmt::format("{} runs, {}; live-restore: {}", name, containers_text(world.engine),
                     yes_or_no(world.engine.live_restore));
}

// The members that count, as they are in the file.
std::string members_text(const std::string& text) {
  std::string shown;
  for (const char* key : kKeys) {
    const auto value = value_text(text, key);
    if (value) shown += fmt::format("{}\"{}\": {}", shown.empty() ? "" : ", ", key, *value);
  }
  return shown.empty() ? "nothing about IPv6" : shown;
}

bool is_set_up(const Plan& plan) {
  return plan.is_possible() && plan.changes.empty();
}

std::string next_text(const World& world, const Plan& plan) {
  if (!plan.is_possible()) return "sync-nodectl docker-ipv6 plan   (says what stands in the way)";
  if (!is_set_up(plan)) return "sync-nodectl docker-ipv6 plan";
  if (world.engine.bridge_ipv6 == false) return "sync-nodectl docker-ipv6 enable --restart";
  return "";
}

}  // namespace

json::Json status_document(const World& world, const Plan& plan) {
  json::Json values;
  for (const char* key : kKeys) {
    const auto value = value_text(world.file.text(), key);
    values[key] = value ? json::known_document(*value) : json::Json(nullptr);
  }
  json::Json ours = json::Json::array();
  if (world.file.record()) {
    for (const Change& change : world.file.record()->changes) ours.push_back(change.key);
  }
  return {{"version", 1},
          {"docker", docker_document(world)},
          {"file", {{"path", world.file.path()}, {"exists", world.file.exists()}, {"values", values}}},
          {"set_up", is_set_up(plan)},
          {"in_effect", json::known(world.engine.bridge_ipv6)},
          {"set_by_us", std::move(ours)},
          {"refusals", reasons_document(plan)}};
}

std::string status_text(const World& world, const Plan& plan) {
  std::string text = docker_text(world) + "\n";
  text += fmt::format("{}: {}\n", world.file.path(),
                      world.file.exists() ? members_text(world.file.text()) : "does not exist");
  if (world.file.record()) {
    text += "set by this program:";
    for (const Change& change : world.file.record()->changes) text += fmt::format(" '{}'", change.key);
    text += "; disable takes it back\n";
  }
  text += fmt::format("set up as this Docker needs it: {}\n", is_set_up(plan) ? "yes" : "no");
  text += fmt::format("the default bridge has IPv6: {}\n", yes_or_no(world.engine.bridge_ipv6));
  const std::string next = next_text(world, plan);
  return next.empty() ? text : text + "next: " + next + "\n";
}

json::Json plan_document(const World& world, const Plan& plan) {
  return {{"version", 1},
          {"docker", docker_document(world)},
          {"path", world.file.path()},
          {"possible", plan.is_possible()},
          {"changes", documents_of(plan, plan.changes)},
          {"conflicts", documents_of(plan, plan.conflicts)},
          {"refusals", reasons_document(plan)},
          {"warnings", plan.warnings},
          {"restart_needed", !plan.changes.empty() || world.engine.bridge_ipv6 == false}};
}

std::string plan_text(const World& world, const Plan& plan) {
  std::string text = docker_text(world) + "\n";
  if (is_set_up(plan)) text += fmt::format("{}: nothing to change\n", world.file.path());
  if (!plan.changes.empty()) text += world.file.path() + ":\n";
  for (const Change& change : plan.changes) {
    text += is_drawn(plan, change) ? fmt::format("  + \"{}\": {}\n", change.key, kDrawn)
                                   : "  " + change_text(change) + "\n";
  }
  for (const std::string& warning : plan.warnings) text += "note: " + warning + "\n";
  if (!plan.changes.empty()) text += restart_text(world.engine) + "\n";
  return text;
}

std::string change_text(const Change& change) {
  if (!change.before) return fmt::format("+ \"{}\": {}", change.key, change.after);
  return fmt::format("~ \"{}\": {} -> {}", change.key, *change.before, change.after);
}

std::string containers_text(const Engine& engine) {
  if (!engine.containers) return "how many containers run is not known";
  if (*engine.containers == 0) return "no container runs";
  return *engine.containers == 1 ? "1 container runs" : fmt::format("{} containers run", *engine.containers);
}

std::string restart_text(const Engine& engine) {
  std::string text = "Docker reads the file when it starts; " + containers_text(engine);
  if (engine.containers == 0) return text;
  if (engine.live_restore == true) {
    return text +
           " and would go on through a restart (live-restore), but the bridge gets IPv6 only when "
           "Docker starts with none running";
  }
  return text + (engine.live_restore ? " and would be stopped by a restart"
                                     : "; a restart stops them, unless live-restore is on");
}

}  // namespace syncnode::docker_ipv6
