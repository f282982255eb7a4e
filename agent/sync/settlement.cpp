#include "sync/settlement.h"

#include "base/hex.h"
#include "conflict/json_equal.h"
#include "sync/row_image.h"
#include "sync/uuid.h"

namespace syncnode::sync {
namespace {

using conflict::Winner;
using json::Json;
using Image = std::optional<Json>;

constexpr int64_t kKeysPerStatement = 1000;
constexpr int64_t kRowsPerPage = 100;

bool equal(const Image& one, const Image& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return conflict::same_json(*one, *other);
}

Json document(const Image& row, bool wanted) {
  return row && wanted ? Json(json::to_text(*row)) : Json(nullptr);
}

// A column that came after the edit is nobody's edit: both sides have what the source has now.
void add_new_columns(Image& image, const Image& now) {
  if (!image || !now) return;
  for (const auto& column : now->items()) {
    if (!image->contains(column.key())) (*image)[column.key()] = column.value();
  }
}

const Json& any_of(const OpenEdit& edit) {
  static const Json kNone = Json::object();
  for (const Image* image : {&edit.now, &edit.target, &edit.shipped}) {
    if (*image) return **image;
  }
  return kNone;
}

}  // namespace

int64_t ConflictTally::resolutions() const {
  int64_t sum = 0;
  for (const auto& [strategy, count] : resolved) sum += count;
  return sum;
}

Settlement::Settlement(postgres::Connection& connection, const CopyTarget& target,
                       const conflict::Policy& policy, std::string job_id, int64_t generation)
    : connection_(connection),
      target_(target),
      policy_(policy),
      job_id_(std::move(job_id)),
      generation_(generation) {}

Status Settlement::add(const CopyTable& table, std::string_view key) {
  keys_.add_bytes(key);
  return keys_.count() < kKeysPerStatement ? Status() : flush(table);
}

Status Settlement::flush(const CopyTable& table) {
  if (keys_.count() == 0) return {};
  SN_TRY(settle_pages(table, &keys_, &Settlement::read_open, &Settlement::settle_row));
  keys_.clear();
  return {};
}

Status Settlement::all_rows(const CopyTable& table, bool reshaped) {
  if (reshaped) return settle_pages(table, nullptr, &Settlement::read_orphaned, &Settlement::settle_orphan);
  return settle_pages(table, nullptr, &Settlement::read_open, &Settlement::settle_row);
}

Result<std::vector<OpenEdit>> Settlement::read_open(const CopyTable& table, ArrayParam* keys,
                                                    std::string_view after) {
  return read_open_edits(connection_, target_, table, keys, after, kRowsPerPage);
}

Result<std::vector<OpenEdit>> Settlement::read_orphaned(const CopyTable& table, ArrayParam* /*keys*/,
                                                        std::string_view after) {
  return read_orphaned_edits(connection_, target_, table, after, kRowsPerPage);
}

// What is put back stays open, so pages go by keys.
Status Settlement::settle_pages(const CopyTable& table, ArrayParam* keys, Read read, Settle settle) {
  const auto policy = policy_.effective(wire_name(table.name));
  std::string after;
  while (true) {
    SN_ASSIGN(auto edits, (this->*read)(table, keys, after));
    if (edits.empty()) return {};
    SettlementPage page(connection_, target_, table, generation_);
    for (OpenEdit& edit : edits) (this->*settle)(table, policy, edit, page);
    SN_ASSIGN(const int64_t fresh, page.write(job_id_, target_.term.leader_id));
    tally_.detected += fresh;
    if (fresh > 0) tally_.tables[table.name] += fresh;
    after = edits.back().key;
  }
}

// The shipment wrote over the row: what stands in the table now is the source's.
void Settlement::settle_row(const CopyTable& table, const conflict::TablePolicy& policy, OpenEdit& edit,
                            SettlementPage& page) {
  for (Image* image : {&edit.shipped, &edit.base, &edit.target}) add_new_columns(*image, edit.now);
  if (same_row(edit.now, edit.target)) return settle_agreement(table, policy, edit, true, page);
  if (same_row(edit.now, edit.shipped)) return page.becomes(edit, edit.target);
  conflict::RowImages images{typed_row(edit.base, table), typed_row(edit.now, table),
                             typed_row(edit.target, table)};
  const Image shipped = typed_row(edit.shipped, table);
  // The same but for how a JSON is written: whichever side changed what it says has it.
  if (equal(images.source, images.target) || equal(images.target, shipped))
    return settle_agreement(table, policy, edit, true, page);
  if (equal(images.source, shipped)) return settle_agreement(table, policy, edit, false, page);
  const auto budget = policy_.advanced.max_base_image_bytes;
  if (edit.base && static_cast<int64_t>(json::to_text(*edit.base).size()) > budget) {
    images.base.reset();
    images.base_not_kept = true;
  }
  const auto decision = conflict::decide(policy, images, {std::chrono::system_clock::now()});
  if (!decision) return settle_agreement(table, policy, edit, true, page);
  settle_conflict(table, policy, edit, images, *decision, page);
}

// No conflict (any more). One that waited for a person is over.
void Settlement::settle_agreement(const CopyTable& table, const conflict::TablePolicy& policy,
                                  const OpenEdit& edit, bool source_has_it, SettlementPage& page) {
  if (source_has_it) {
    page.settle(edit);
  } else {
    page.keep(edit, Kept::kTarget, edit.now, edit.target, "");
  }
  if (edit.conflict_id.empty()) return;
  auto over = entry(table, edit,
                    {typed_row(edit.base, table), typed_row(edit.now, table), typed_row(edit.target, table)},
                    conflict::to_string(policy.strategy));
  over["id"] = edit.conflict_id;
  over["resolved"] = true;
  over["outcome"] = source_has_it ? "source" : "target";
  over["notes"] = "both sides agree";
  page.log(std::move(over), true);
}

void Settlement::settle_conflict(const CopyTable& table, const conflict::TablePolicy& policy,
                                 const OpenEdit& edit, const conflict::RowImages& images,
                                 const conflict::Decision& decision, SettlementPage& page) {
  const bool waits = decision.winner == Winner::kWaits;
  const std::string id = edit.conflict_id.empty() ? random_uuid() : edit.conflict_id;
  Image outcome = edit.target;
  if (decision.winner == Winner::kSource) outcome = edit.now;
  if (decision.winner == Winner::kMerged)
    outcome = image_of(*decision.merged, decision.columns, *edit.now, *edit.target, table);
  if (decision.winner == Winner::kSource) {
    page.settle(edit);
  } else {
    const Kept kept = waits                                ? Kept::kWaits
                      : decision.winner == Winner::kMerged ? Kept::kMerged
                                                           : Kept::kTarget;
    page.keep(edit, kept, edit.now, outcome, waits ? id : "");
  }
  const auto strategy = conflict::to_string(policy.strategy);
  if (!waits) ++tally_.resolved[std::string(strategy)];
  if (!waits && !policy_.resolution_log.enabled && edit.conflict_id.empty()) {
    ++tally_.detected;
    ++tally_.tables[table.name];
    return;
  }
  auto found = entry(table, edit, images, strategy);
  found["id"] = id;
  found["type"] = conflict::conflict_type(decision.kind);
  found["resolved"] = !waits;
  if (!waits) {
    found["outcome"] = conflict::to_string(decision.winner);
    found["result"] = document(typed_row(outcome, table), policy_.resolution_log.include_data_snapshot);
  }
  found["notes"] = decision.notes;
  page.log(std::move(found), !edit.conflict_id.empty());
}

// Its images are of rows that no longer are: nothing can be put back, but nothing is lost silently.
void Settlement::settle_orphan(const CopyTable& table, const conflict::TablePolicy& policy, OpenEdit& edit,
                               SettlementPage& page) {
  page.settle(edit);
  if (edit.conflict_id.empty() && same_row(edit.base, edit.target)) return;  // changed, and changed back
  auto lost = entry(table, edit, {edit.base, {}, edit.target}, conflict::to_string(policy.strategy));
  lost["id"] = edit.conflict_id.empty() ? random_uuid() : edit.conflict_id;
  lost["record"] = "\\x" + to_hex(edit.key);
  lost["type"] = "custom";
  lost["strategy"] = "source_wins";
  lost["resolved"] = true;
  lost["outcome"] = "source";
  lost["notes"] = "the table has another key or other types now, so the edit could not be carried over";
  ++tally_.resolved["source_wins"];
  page.log(std::move(lost), !edit.conflict_id.empty());
}

// What every entry of the log says; the outcome is the caller's.
Json Settlement::entry(const CopyTable& table, const OpenEdit& edit, const conflict::RowImages& images,
                       std::string_view strategy) const {
  const bool shown = policy_.resolution_log.include_data_snapshot;
  const auto kind = conflict::conflict_kind(images);
  return {{"id", nullptr},
          {"key", to_hex(edit.key)},
          {"record", record_id(any_of(edit), edit.key, table)},
          {"type", kind ? conflict::conflict_type(*kind) : "update_conflict"},
          {"base", document(images.base, shown)},
          {"source", document(images.source, shown)},
          {"target", document(images.target, shown)},
          {"strategy", strategy},
          {"resolved", false},
          {"outcome", nullptr},
          {"result", nullptr},
          {"notes", nullptr},
          {"editors", edit.editors.empty() ? Json(nullptr) : Json(edit.editors)}};
}

}  // namespace syncnode::sync
