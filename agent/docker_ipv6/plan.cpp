#include "docker_ipv6/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "docker_ipv6/flags.h"

namespace syncnode::docker_ipv6 {
namespace {

Error refusal(std::string message, std::string hint) {
  return {ErrorCode::kFailedPrecondition, std::move(message), std::move(hint)};
}

class Planner {
 public:
  Planner(const Situation& situation, const Wishes& wishes, const json::Json& document)
      : situation_(situation), wishes_(wishes), document_(document) {}

  Plan plan() && {
    if (!check_docker()) return std::move(plan_);
    const Needs needs = needs_of(*situation_.version);
    want("ipv6", true);
    want_prefix(needs);
    // Where the default is on, only somebody who switched it off is in the way.
    if (needs.ip6tables || is_false("ip6tables")) want("ip6tables", true);
    if (needs.experimental) want("experimental", true);
    check_flags();
    warn(needs);
    return std::move(plan_);
  }

 private:
  bool check_docker() {
    if (!situation_.version) {
      plan_.refusals.push_back(refusal("Docker is not installed: no dockerd of this host says its version",
                                       "install Docker first; without it there is nothing to set up"));
      return false;
    }
    if (const char* reason = reason_against(*situation_.version)) {
      plan_.refusals.push_back(
          refusal(fmt::format("Docker {} is too old: {}", to_string(*situation_.version), reason),
                  "upgrade Docker to 20.10.2 or newer"));
      return false;
    }
    if (!situation_.kernel_has_ipv6) {
      plan_.refusals.push_back(refusal("the kernel of this host runs without IPv6 (ipv6.disable=1)",
                                       "remove ipv6.disable=1 from the kernel's command line and boot"));
    }
    return true;
  }

  bool is_false(const char* key) const {
    const auto member = document_.find(key);
    return member != document_.end() && *member == json::Json(false);
  }

  void want(const char* key, const json::Json& value) {
    const auto member = document_.find(key);
    if (member != document_.end() && *member == value) return;
    Change change{key, value_text(situation_.text, key), json::to_text(value)};
    const bool in_the_way = change.before && !wishes_.force;
    (in_the_way ? plan_.conflicts : plan_.changes).push_back(std::move(change));
  }

  void want_prefix(const Needs& needs) {
    const auto member = document_.find("fixed-cidr-v6");
    const bool is_there = member != document_.end() && *member != json::Json("");
    if (is_there && !wishes_.prefix) return check_prefix_of_file(*member);
    if (!wishes_.prefix && !needs.prefix) return;
    const Prefix prefix = wishes_.prefix.value_or(situation_.suggested);
    if (auto usable = check_for_bridge(prefix); !usable) plan_.refusals.push_back(usable.error());
    check_overlap(prefix);
    plan_.takes_suggestion = !wishes_.prefix;
    want("fixed-cidr-v6", to_string(prefix));
  }

  // Docker takes host bits; what it takes is not ours to judge.
  void check_prefix_of_file(const json::Json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : json::to_text(value);
    const auto prefix = parse_prefix(text);
    if (!prefix && prefix.error().message.find("bits set behind") == std::string::npos) {
      plan_.refusals.push_back(
          refusal(fmt::format("'fixed-cidr-v6' in daemon.json is {}, which is not an IPv6 prefix", text),
                  "correct it, or remove it to have one drawn"));
    }
  }

  void check_overlap(const Prefix& prefix) {
    std::vector<Prefix> taken = situation_.taken;
    if (const auto pools = document_.find("default-address-pools");
        pools != document_.end() && pools->is_array()) {
      for (const auto& pool : *pools) {
        if (auto base = parse_prefix(json::string_member(pool, "base").value_or(""))) taken.push_back(*base);
      }
    }
    const auto found =
        std::ranges::find_if(taken, [&](const Prefix& other) { return overlap(prefix, other); });
    if (found == taken.end()) return;
    plan_.refusals.push_back(
        refusal(fmt::format("'{}' overlaps '{}', which this host or Docker's address pools use already",
                            to_string(prefix), to_string(*found)),
                "choose another one with --cidr"));
  }

  void check_flags() {
    for (const auto* changes : {&plan_.changes, &plan_.conflicts}) {
      for (const Change& change : *changes) {
        if (!flag(situation_.flags, change.key)) continue;
        plan_.refusals.push_back(refusal(
            fmt::format("dockerd is started with --{}, and does not start when daemon.json has it too",
                        change.key),
            "remove the flag from docker.service (systemctl edit --full docker), or set IPv6 up by "
            "flags alone"));
      }
    }
    if (!situation_.unread.empty() && !(plan_.changes.empty() && plan_.conflicts.empty())) {
      plan_.refusals.push_back(
          refusal(fmt::format("Docker does not run, and which flags it gets from {} in docker.service is not "
                              "known: with one that daemon.json has too it would not start",
                              fmt::join(situation_.unread, " ")),
                  "start Docker first: systemctl start docker"));
    }
    if (auto file = flag(situation_.flags, "config-file"); file && *file != "/etc/docker/daemon.json") {
      plan_.refusals.push_back(refusal(fmt::format("dockerd is started with --config-file {}", *file),
                                       "change that file by hand"));
    }
    const bool writes_tables =
        std::ranges::any_of(plan_.changes, [](const Change& change) { return change.key == "ip6tables"; });
    if (writes_tables && (is_false("iptables") || flag(situation_.flags, "iptables") == "false")) {
      plan_.refusals.push_back(refusal("'iptables' is false, and Docker does not start with 'ip6tables' then",
                                       "remove 'iptables': false from Docker's settings"));
    }
  }

  void warn(const Needs& needs) {
    auto& warnings = plan_.warnings;
    const bool adds_experimental =
        std::ranges::any_of(plan_.changes, [](const Change& change) { return change.key == "experimental"; });
    if (adds_experimental) {
      warnings.push_back(
          fmt::format("Docker {} has 'ip6tables' among its experimental features, so all of "
                      "them are switched on ('experimental': true)",
                      to_string(*situation_.version)));
    }
    if (!needs.ip6tables) {
      warnings.emplace_back(
          "this concerns the default bridge; a network of your own needs no setting: docker "
          "network create --ipv6 NAME");
    }
    if (document_.find("bridge") != document_.end() && *document_.find("bridge") == json::Json("none")) {
      warnings.emplace_back("'bridge' is 'none': there is no default bridge that could have IPv6");
    }
    if (plan_.changes.empty()) return;
    for (const std::string& interface : situation_.advertised_on) {
      warnings.push_back(
          fmt::format("Docker will switch IPv6 forwarding on, and then '{0}' stops listening to "
                      "router advertisements: its default route goes away unless "
                      "net.ipv6.conf.{0}.accept_ra is 2",
                      interface));
    }
  }

  const Situation& situation_;
  const Wishes& wishes_;
  const json::Json& document_;
  Plan plan_;
};

}  // namespace

Result<Plan> plan_enable(const Situation& situation, const Wishes& wishes) {
  SN_ASSIGN(const auto document, read_document(situation.text));
  return Planner(situation, wishes, document).plan();
}

}  // namespace syncnode::docker_ipv6
