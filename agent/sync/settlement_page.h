// SettlementPage: what a page of edited rows comes to, collected row by row and then written as sets: the
// log, the edits, the rows. One thread.
#pragma once

#include <string>

#include "base/result.h"
#include "conflict/decide.h"
#include "json/json.h"
#include "sync/copy_state.h"
#include "sync/open_edits.h"

namespace syncnode::sync {

enum class Kept { kTarget, kMerged, kWaits };  // what the copy has instead of the source's row

class SettlementPage {
 public:
  SettlementPage(postgres::Connection& connection, const CopyTarget& target, const CopyTable& table,
                 int64_t generation)
      : connection_(connection), target_(target), table_(table), generation_(generation) {}

  // The row becomes this (nothing: it goes), unless it is so already. What is open stays open.
  void becomes(const OpenEdit& edit, const std::optional<json::Json>& image);
  // Nothing of the row is open any more.
  void settle(const OpenEdit& edit);
  // The row becomes `image`, and from now on it is open that it is not `source`. `conflict_id` of one that
  // waits.
  void keep(const OpenEdit& edit, Kept kept, const std::optional<json::Json>& source,
            const std::optional<json::Json>& image, const std::string& conflict_id);
  // How many rows had open edits that are settled now; known after write().
  int64_t settled() const { return settled_rows_; }
  // `waits`: it is in the log already and learns what its row has become.
  void log(json::Json conflict, bool waits);

  // How many conflicts were new. `by`: who resolves. `job_id` may be "".
  Result<int64_t> write(const std::string& job_id, const std::string& by);

 private:
  Result<int64_t> write_log(const std::string& job_id, const std::string& by);
  Status write_moves();
  Status write_edits();
  Status write_rows();

  postgres::Connection& connection_;
  const CopyTarget& target_;
  const CopyTable& table_;
  const int64_t generation_;
  json::Json conflicts_ = json::Json::array();
  json::Json moved_ = json::Json::array();
  int64_t settled_rows_ = 0;
  json::Json settled_ = json::Json::array();
  json::Json images_ = json::Json::array();
  std::vector<std::string> removed_;
};

}  // namespace syncnode::sync
