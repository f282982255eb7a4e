// What deploy says: the plan before, each step as it is done, and how the host stands at the end; or all of
// it as one document. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "deploy/plan.h"

namespace syncnode::cli {

class DeployReport {
 public:
  DeployReport(Console& console, bool as_json) : console_(console), as_json_(as_json) {}

  void warn(const std::string& text);
  void show_plan(const deploy::Wanted& wanted, const deploy::Found& found,
                 const std::vector<deploy::Step>& steps, std::string_view way, bool dry_run);
  void did(const deploy::Step& step, const std::string& said);
  // `workers`: clients one leader syncs at once. `leader`: nothing where no unit was asked for.
  void finish(const deploy::Wanted& wanted, const deploy::Found& found, int workers,
              const std::optional<deploy::Leader>& leader);
  void finish_dry_run();

 private:
  Console& console_;
  const bool as_json_;
  json::Json document_, steps_ = json::Json::array(), warnings_ = json::Json::array();
};

}  // namespace syncnode::cli
