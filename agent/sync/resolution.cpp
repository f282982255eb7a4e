#include "sync/resolution.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"
#include "conflict/decide.h"
#include "json/strict.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/client_policy.h"
#include "sync/copy_state.h"
#include "sync/open_edits.h"
#include "sync/row_image.h"
#include "sync/settlement_page.h"
#include "sync/shipment.h"

namespace syncnode::sync {
namespace {

using json::Json;
using postgres::Param;
using Image = std::optional<Json>;

struct Found {
  std::string client, table, key;
  int64_t version = 0;
  bool resolved = false;
  std::string resolved_by, outcome, result;
};

Result<Found> find(postgres::Connection& connection, const std::string& id, Deadline deadline) {
  SN_ASSIGN(const auto rows, connection.query(sql::conflict_find, {Param::text(id)}, deadline));
  if (rows.count() == 0 || rows.is_null(0, 2)) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no conflict {}", id),
                 "sync-nodectl conflicts list shows those there are"};
  }
  Found found{std::string(rows.text(0, 0)),
              source_name_of(rows.text(0, 1)),
              from_hex(rows.text(0, 2)).value_or(""),
              rows.int64(0, 3),
              !rows.is_null(0, 4),
              std::string(rows.text(0, 5)),
              std::string(rows.text(0, 6)),
              std::string(rows.text(0, 7))};
  return found;
}

Error moved(std::string why) {
  return {ErrorCode::kAborted, std::move(why), "look at it again: sync-nodectl conflicts show"};
}

// A sync that holds the row for long makes the person ask again, not wait.
constexpr postgres::TransactionOptions kShort{.statement_timeout = std::chrono::milliseconds(10'000),
                                              .lock_timeout = std::chrono::milliseconds(3'000),
                                              .idle_timeout = std::chrono::milliseconds(10'000)};

// The text of a value as its column takes it in; PostgreSQL judges whether it fits.
Json text_of(const Json& value) {
  if (value.is_null() || value.is_string()) return value;
  return json::to_text(value);
}

class Resolver {
 public:
  Resolver(postgres::Connection& connection, const Term& term, const conflict::Policy& policy,
           const ConflictChoice& choice, Deadline deadline)
      : connection_(connection), host_policy_(policy), choice_(choice), deadline_(deadline) {
    target_.term = term;
  }

  Result<bool> run() {
    SN_ASSIGN(found_, find(connection_, choice_.conflict_id, deadline_));
    if (found_.resolved) {
      SN_TRY(was_resolved());
      return false;
    }
    if (choice_.version && *choice_.version != found_.version)
      return moved(
          fmt::format("the conflict is at version {} now, not {}", found_.version, *choice_.version));
    SN_ASSIGN(target_.deployment, find_deployment(connection_, found_.client));
    SN_ASSIGN(policy_, client_policy(host_policy_, target_.deployment));
    SN_ASSIGN(auto transaction, begin_alone(connection_, target_, kShort, false));
    SN_ASSIGN(state_, read_copy_state(connection_, target_));
    const CopyTable* table = state_.table(found_.table);
    if (table == nullptr || table->target.empty() || table->state != "present") {
      return Error{ErrorCode::kFailedPrecondition,
                   fmt::format("table '{}' is no part of the copy any more", found_.table), ""};
    }
    table_ = table;
    SN_ASSIGN(edit_, locked_edit());
    if (edit_.conflict_id != choice_.conflict_id) return moved("its row was decided about meanwhile");
    if (!edit_.editors.empty()) {
      SN_TRY(note_move());
      SN_TRY(commit_fenced(target_, transaction));
      return moved(fmt::format("{} edited the row after the conflict was found", edit_.editors));
    }
    SN_TRY(carry_out());
    SN_TRY(commit_fenced(target_, transaction));
    return true;
  }

 private:
  std::string_view wanted_outcome() const {
    return choice_.choice == "merge" ? std::string_view("merged") : std::string_view(choice_.choice);
  }

  Status was_resolved() const {
    if (found_.outcome == wanted_outcome() && (choice_.choice != "value" || gave_the_same())) return {};
    return Error{
        ErrorCode::kFailedPrecondition,
        fmt::format("the conflict was resolved by {} already: {}", found_.resolved_by, found_.outcome),
        "edit the row itself to change it again"};
  }

  // What was given is in the row that came of it.
  bool gave_the_same() const {
    const auto value = json::parse_strict(choice_.value);
    const auto result = json::parse(found_.result.empty() ? "null" : found_.result);
    if (!value || !result || value->is_object() != result->is_object()) return false;
    if (!value->is_object()) return true;
    for (const auto& member : value->items()) {
      const auto column = result->find(member.key());
      if (column == result->end() || text_of(*column) != text_of(member.value())) return false;
    }
    return true;
  }

  // The row is locked first and its edits are read in a later statement, as a shipment does it: an edit is
  // seen, or it waits for us.
  Result<OpenEdit> locked_edit() {
    SN_ASSIGN(const OpenEdit seen, read_edit());
    const Image& known = seen.target ? seen.target : seen.shipped;
    if (known) {
      SN_ASSIGN(auto sql, postgres::fill(sql::row_lock, {{"table", target_.quoted_table(table_->target)},
                                                         {"match", match_sql(*table_)}}));
      const std::string image = json::to_text(*known);
      SN_TRY(connection_.query(sql, {Param::text(image)}, deadline_));
    }
    return read_edit();
  }

  Result<OpenEdit> read_edit() {
    ArrayParam keys = ArrayParam::of_bytea();
    keys.add_bytes(found_.key);
    SN_ASSIGN(auto edits, read_open_edits(connection_, target_, *table_, &keys, "", 1));
    if (edits.empty()) return moved("its row was decided about meanwhile");
    return std::move(edits.front());
  }

  Status note_move() {
    SettlementPage page(connection_, target_, *table_, state_.generation);
    page.keep(edit_, Kept::kWaits, edit_.shipped, edit_.now, choice_.conflict_id);
    SN_TRY(page.write("", choice_.by));
    const auto row = typed_row(edit_.now, *table_);
    const std::string text = row ? json::to_text(*row) : "";
    const std::string epoch = std::to_string(target_.term.epoch);
    const bool shown = policy_.resolution_log.include_data_snapshot;
    const std::string moves = json::to_text(
        Json::array({{{"id", choice_.conflict_id}, {"target", row && shown ? Json(text) : Json(nullptr)}}}));
    SN_TRY(connection_.query(sql::conflicts_moved,
                             {Param::text(target_.deployment.id), Param::text(epoch), Param::text(moves)},
                             deadline_));
    return {};
  }

  Status carry_out() {
    SettlementPage page(connection_, target_, *table_, state_.generation);
    Image outcome = edit_.now;
    std::string notes = fmt::format("{} chose the {}", choice_.by, choice_.choice);
    if (choice_.choice == "source") {
      outcome = edit_.shipped;
    } else if (choice_.choice == "value") {
      SN_ASSIGN(outcome, given());
      notes = choice_.by + " gave the value";
    } else if (choice_.choice == "merge") {
      SN_ASSIGN(outcome, merged(notes));
    }
    if (same_row(outcome, edit_.shipped)) {
      page.settle(edit_);
      page.becomes(edit_, outcome);
    } else {
      page.keep(edit_, same_row(outcome, edit_.now) ? Kept::kTarget : Kept::kMerged, edit_.shipped, outcome,
                "");
    }
    SN_TRY(page.write("", choice_.by));
    return record(outcome, notes);
  }

  Result<Image> merged(std::string& notes) const {
    auto policy = policy_.effective(wire_name(table_->name));
    policy.strategy = conflict::Strategy::kMerge;
    if (policy.compare_field.empty()) policy.compare_field = policy_.default_compare_field;
    policy.auto_merge_max_age.reset();
    const conflict::RowImages images{typed_row(edit_.base, *table_), typed_row(edit_.shipped, *table_),
                                     typed_row(edit_.now, *table_)};
    const auto decision = conflict::decide(policy, images, {std::chrono::system_clock::now()});
    if (decision) notes += ": " + decision->notes;
    if (!decision || decision->winner == conflict::Winner::kTarget) return edit_.now;
    if (decision->winner != conflict::Winner::kMerged) return edit_.shipped;
    return Image(image_of(*decision->merged, decision->columns, *edit_.shipped, *edit_.now, *table_));
  }

  Result<Image> given() const {
    SN_ASSIGN(const auto value, json::parse_strict(choice_.value));
    if (value.is_null()) return Image();
    if (!value.is_object())
      return Error{ErrorCode::kInvalidArgument, "the value is no row",
                   "give an object, column → value, or null for no row"};
    if (!edit_.now && !edit_.shipped)
      return Error{ErrorCode::kFailedPrecondition, "neither side has the row any more", "choose the target"};
    Json image = edit_.now ? *edit_.now : *edit_.shipped;
    for (const auto& member : value.items()) {
      auto column = image.find(member.key());
      if (column == image.end())
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("table '{}' has no column '{}'", table_->name, member.key()), ""};
      const auto keys = table_->key_targets();
      const bool key = std::find(keys.begin(), keys.end(), member.key()) != keys.end();
      if (key && *column != text_of(member.value()))
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("'{}' is the row's key and stays {}", member.key(), column->get<std::string>()),
            "leave it out"};
      *column = text_of(member.value());
    }
    return Image(std::move(image));
  }

  Status record(const Image& outcome, const std::string& notes) {
    const auto row = policy_.resolution_log.include_data_snapshot ? typed_row(outcome, *table_) : Image();
    const std::string text = row ? json::to_text(*row) : "";
    const std::string version = std::to_string(found_.version);
    SN_ASSIGN(const auto done,
              connection_.query(sql::conflict_resolve,
                                {Param::text(choice_.conflict_id), Param::text(wanted_outcome()),
                                 row ? Param::text(text) : Param::null(), Param::text(choice_.by),
                                 Param::text(notes), Param::text(version)},
                                deadline_));
    return done.affected() == 1 ? Status()
                                : Status(moved("it moved, or somebody else resolved it, meanwhile"));
  }

  postgres::Connection& connection_;
  const conflict::Policy& host_policy_;
  conflict::Policy policy_;
  const ConflictChoice& choice_;
  const Deadline deadline_;
  CopyTarget target_;
  Found found_;
  CopyState state_;
  const CopyTable* table_ = nullptr;
  OpenEdit edit_;
};

}  // namespace

Result<bool> resolve_conflict(postgres::Connection& connection, const Term& term,
                              const conflict::Policy& policy, const ConflictChoice& choice,
                              Deadline deadline) {
  return Resolver(connection, term, policy, choice, deadline).run();
}

}  // namespace syncnode::sync
