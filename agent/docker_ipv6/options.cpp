#include "docker_ipv6/options.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace syncnode::docker_ipv6 {

const char kUsage[] =
    R"(usage: docker-ipv6 VERB [OPTION]...

  status    is IPv6 set up for Docker's default bridge, and in effect?   [--json]
  plan      what enable would change                       [--cidr PREFIX] [--force] [--exit-code] [--json]
  enable    set it up in /etc/docker/daemon.json   [--cidr PREFIX] [--force] [--restart [--yes]] [--dry-run]
  disable   take back what enable changed                                   [--restart [--yes]] [--dry-run]

  --cidr PREFIX  use this /64 to /80 instead of drawing one      --restart    restart Docker, and put the old
  --force        overwrite values that somebody set otherwise                 file back when it does not start
  --exit-code    exit 2 when there is nothing to do              --yes        also when containers run
  --dry-run      only show                                       --json       one JSON document

Exit codes: 0 done, 1 failed, 2 nothing to do (--exit-code), 4 not root, 6 refused, 64 wrong command line,
75 try again later.
)";

namespace {

// What may stand behind a verb.
const std::map<std::string, std::pair<Verb, std::set<std::string>>> kVerbs{
    {"status", {Verb::kStatus, {"--json"}}},
    {"plan", {Verb::kPlan, {"--cidr", "--force", "--exit-code", "--json"}}},
    {"enable",
     {Verb::kEnable, {"--cidr", "--force", "--restart", "--yes", "--dry-run", "--exit-code", "--json"}}},
    {"disable", {Verb::kDisable, {"--restart", "--yes", "--dry-run", "--exit-code"}}},
    {"--help", {Verb::kHelp, {}}},
    {"--version", {Verb::kVersion, {}}},
};

Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), "docker-ipv6 --help"};
}

Status take_flag(Options& options, const std::string& word) {
  const std::map<std::string, bool Options::*> flags{
      {"--force", &Options::force},     {"--restart", &Options::restart},     {"--yes", &Options::yes},
      {"--dry-run", &Options::dry_run}, {"--exit-code", &Options::exit_code}, {"--json", &Options::as_json}};
  bool& flag = options.*flags.at(word);
  if (flag) return wrong(fmt::format("'{}' is given twice", word));
  flag = true;
  return {};
}

Status check(const Options& options) {
  if (options.yes && !options.restart) return wrong("'--yes' goes with '--restart'");
  if (options.dry_run && options.restart) return wrong("'--dry-run' does not go with '--restart'");
  if (options.as_json && !options.only_reads()) return wrong("'--json' goes with what only reads");
  return {};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& words) {
  if (words.empty()) return wrong("a verb is missing");
  const auto verb = kVerbs.find(words[0]);
  if (verb == kVerbs.end()) return wrong(fmt::format("there is no verb '{}'", words[0]));
  Options options;
  options.verb = verb->second.first;
  for (size_t number = 1; number < words.size(); ++number) {
    std::string word = words[number];
    std::optional<std::string> value;
    if (word.starts_with("--cidr=")) {
      value = word.substr(7);
      word = "--cidr";
    } else if (word == "--cidr" && number + 1 < words.size()) {
      value = words[++number];
    }
    if (!verb->second.second.contains(word)) {
      return wrong(fmt::format("'{}' does not take '{}'", words[0], word));
    }
    if (word != "--cidr") {
      SN_TRY(take_flag(options, word));
      continue;
    }
    if (!value || options.prefix) return wrong("'--cidr' takes one prefix");
    SN_ASSIGN(const Prefix prefix, parse_prefix(*value));
    SN_TRY(check_for_bridge(prefix));
    options.prefix = prefix;
  }
  SN_TRY(check(options));
  return options;
}

}  // namespace syncnode::docker_ipv6
