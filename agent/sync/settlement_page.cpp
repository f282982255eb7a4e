#include "sync/settlement_page.h"

#include "base/hex.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/removal.h"
#include "sync/row_image.h"

namespace syncnode::sync {
namespace {

using json::Json;
using postgres::Param;

Json text_or_null(const std::optional<Json>& image) {
  return image ? Json(json::to_text(*image)) : Json(nullptr);
}

std::string_view word(Kept kept) {
  if (kept == Kept::kMerged) return "merged";
  return kept == Kept::kWaits ? "waits" : "target";
}

}  // namespace

void SettlementPage::becomes(const OpenEdit& edit, const std::optional<Json>& image) {
  if (same_row(image, edit.now)) return;
  if (image) {
    images_.push_back(*image);
  } else {
    removed_.push_back(edit.key);
  }
}

void SettlementPage::settle(const OpenEdit& edit) {
  settled_.push_back({{"key", to_hex(edit.key)}, {"last", edit.last_edit}});
}

void SettlementPage::keep(const OpenEdit& edit, Kept kept, const std::optional<Json>& source,
                          const std::optional<Json>& image, const std::string& conflict_id) {
  settled_.push_back({{"key", to_hex(edit.key)},
                      {"last", edit.last_edit},
                      {"kept", word(kept)},
                      {"source", text_or_null(source)},
                      {"target", text_or_null(image)},
                      {"base", kept == Kept::kWaits ? text_or_null(edit.base) : Json(nullptr)},
                      {"conflict", conflict_id.empty() ? Json(nullptr) : Json(conflict_id)}});
  becomes(edit, image);
}

void SettlementPage::log(Json conflict, bool waits) {
  if (waits) {
    moved_.push_back({{"id", conflict.at("id")},
                      {"type", conflict.at("type")},
                      {"source", conflict.at("source")},
                      {"target", conflict.at("target")}});
  }
  conflicts_.push_back(std::move(conflict));
}

Result<int64_t> SettlementPage::write(const std::string& job_id, const std::string& by) {
  SN_ASSIGN(const int64_t fresh, write_log(job_id, by));
  SN_TRY(write_edits());
  SN_TRY(write_rows());
  return fresh;
}

Result<int64_t> SettlementPage::write_log(const std::string& job_id, const std::string& by) {
  if (conflicts_.empty()) return 0;
  SN_TRY(write_moves());
  const std::string name = wire_name(table_.name);
  const std::string rows = json::to_text(conflicts_);
  SN_ASSIGN(auto recorded, connection_.query(sql::conflicts_record,
                                             {Param::text(target_.deployment.id),
                                              job_id.empty() ? Param::null() : Param::text(job_id),
                                              Param::text(by), Param::text(name), Param::text(rows)},
                                             deadline_in(kStatementWait)));
  return recorded.int64(0, 0);
}

Status SettlementPage::write_moves() {
  if (moved_.empty()) return {};
  const std::string epoch = std::to_string(target_.term.epoch);
  const std::string rows = json::to_text(moved_);
  SN_TRY(connection_.query(sql::conflicts_moved,
                           {Param::text(target_.deployment.id), Param::text(epoch), Param::text(rows)},
                           deadline_in(kStatementWait)));
  return {};
}

Status SettlementPage::write_edits() {
  if (settled_.empty()) return {};
  const std::string name = wire_name(table_.name);
  const std::string epoch = std::to_string(target_.term.epoch);
  const std::string rows = json::to_text(settled_);
  SN_ASSIGN(auto done, connection_.query(sql::edits_settle,
                                         {Param::text(target_.deployment.id), Param::text(epoch),
                                          Param::text(name), Param::text(rows)},
                                         deadline_in(kStatementWait)));
  settled_rows_ = done.int64(0, 0);
  return {};
}

Status SettlementPage::write_rows() {
  if (!images_.empty()) {
    SN_ASSIGN(auto sql, postgres::fill(sql::rows_restore, {{"table", target_.quoted_table(table_.target)},
                                                           {"columns", quoted_columns(table_)},
                                                           {"values", values_sql(table_)},
                                                           {"key", quoted_list(table_.key_targets())},
                                                           {"action", upsert_action(table_)}}));
    const std::string rows = json::to_text(images_);
    SN_ASSIGN(auto done, connection_.query(sql, {Param::text(rows)}, deadline_in(kStatementWait)));
  }
  postgres::Pipeline pipeline(connection_);
  SN_TRY(pipeline.guard());
  Removal removal(pipeline, target_, table_, generation_);
  for (const auto& key : removed_) SN_TRY(removal.add(key));
  SN_TRY(removal.flush());
  SN_TRY(pipeline.finish());
  return {};
}

}  // namespace syncnode::sync
