// The command line of docker-ipv6. Refuses every word it does not know: through sudo, only the forms that are
// written out in sync-node-docker-ipv6 of sudoers.d get here. No option names a file. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "docker_ipv6/prefix.h"

namespace syncnode::docker_ipv6 {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,
  kNothingToDo = 2,  // with --exit-code
  kNotRoot = 4,
  kRefused = 6,
  kUsage = 64,
  kTryLater = 75
};

enum class Verb { kStatus, kPlan, kEnable, kDisable, kHelp, kVersion };

struct Options {
  Verb verb = Verb::kHelp;
  std::optional<Prefix> prefix;
  bool force = false, restart = false, yes = false, dry_run = false, as_json = false, exit_code = false;

  bool only_reads() const { return verb == Verb::kStatus || verb == Verb::kPlan || dry_run; }
};

extern const char kUsage[];
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace syncnode::docker_ipv6
