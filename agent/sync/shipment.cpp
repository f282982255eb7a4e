#include "sync/shipment.h"

#include <algorithm>
#include <set>

#include "postgres/fence.h"
#include "postgres/fill.h"
#include "postgres/pipeline.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/removal.h"
#include "sync/settlement.h"

namespace syncnode::sync {
namespace {

using postgres::Param;

constexpr int64_t kKeysPerStatement = 10000;
constexpr std::chrono::minutes kLongestStatement{10};
constexpr std::chrono::minutes kSchemaWait{10};
constexpr uint64_t kSmall = uint64_t{8} << 20;

class Shipper {
 public:
  Shipper(postgres::Connection& connection, postgres::Pipeline& pipeline, const CopyTarget& target,
          Shipment& shipment, const std::function<void(const std::string&, int64_t)>& progress)
      : connection_(connection),
        pipeline_(pipeline),
        target_(target),
        shipment_(shipment),
        progress_(progress),
        epoch_(std::to_string(target.term.epoch)),
        generation_(std::to_string(shipment.generation)) {}

  Status run() {
    // A table is put away under the name that its shape still tells.
    if (!shipment_.operations.empty()) SN_TRY(change(shipment_.operations));
    for (const auto& shape : shipment_.shapes) SN_TRY(record_shape(shape));
    for (const auto& [table, reason] : shipment_.kept_tables) SN_TRY(mark_kept(table, reason));
    for (auto& table : shipment_.tables) SN_TRY(ship_table(table));
    for (const auto& [id, status] : shipment_.closed) SN_TRY(close_held(pipeline_, id, status));
    for (const auto& held : shipment_.held)
      SN_TRY(record_held(pipeline_, target_, held, shipment_.generation));
    SN_ASSIGN(const auto edited, advance());
    return edited.empty() ? Status() : settle(edited);
  }

 private:
  Status ship_table(TableShipment& table) {
    const CopyTable& copy = table.change.copy;
    if (table.record_shape) SN_TRY(record_shape(copy));
    if (!table.operations.empty()) SN_TRY(change(table.operations));
    if (table.gone == GoneFate::kRemove && table.change.gone && table.change.gone->count() > 0) {
      SN_TRY(remove_gone(copy, *table.change.gone));
    }
    if (table.gone == GoneFate::kKeep && table.change.gone) SN_TRY(keep_gone(table));
    std::string name = wire_name(copy.name);
    if (table.change.uncleared_count > 0)
      SN_TRY(send_keys(sql::clear_quarantine, name, *table.change.uncleared));
    if (table.change.reappeared_count > 0)
      SN_TRY(send_keys(sql::unkeep_rows, name, *table.change.reappeared));
    if (!table.change.upserts || table.change.upserts->size() == 0) return {};
    SN_ASSIGN(auto merge, Merge::create(pipeline_, target_, copy, shipment_.batch_rows));
    return merge.ship(*table.change.upserts, [&](int64_t rows) { progress_(copy.name, rows); });
  }

  Status change(const json::Json& operations) {
    return pipeline_.add(
        sql::change_schema,
        {Param::text(target_.deployment.id), Param::text(epoch_), Param::text(json::to_text(operations))},
        kSchemaWait);
  }

  Status record_shape(const CopyTable& table) {
    SN_ASSIGN(auto sql, postgres::fill(sql::record_table, {{"schema", target_.quoted_schema()}}));
    std::string name = wire_name(table.name);
    std::string kind(table.target.empty() ? "" : to_string(table.key_kind));
    std::string keys = key_columns_json(table);
    std::string columns = columns_json(table);
    std::string next = std::to_string(table.next_column_id);
    std::string quarantined = std::to_string(table.quarantined);
    return pipeline_.add(sql,
                         {Param::text(name), Param::text(table.target), Param::text(kind), Param::text(keys),
                          Param::text(columns), Param::text(table.state), Param::text(table.reason),
                          Param::text(next), Param::text(quarantined)},
                         kStatementWait);
  }

  Status remove_gone(const CopyTable& table, memory::GoneRows& gone) {
    Removal removal(pipeline_, target_, table, shipment_.generation);
    SN_TRY(gone.for_each([&](const memory::KeptRecord& kept) {
      return kept.rejected ? Status() : removal.add(kept.record.key);
    }));
    return removal.flush();
  }

  // An operator rejected these deletes: the rows stay, listed, until the source has them again.
  Status keep_gone(TableShipment& table) {
    SN_ASSIGN(auto sql, postgres::fill(sql::keep_rows, {{"schema", target_.quoted_schema()}}));
    std::string name = wire_name(table.change.copy.name);
    ArrayParam keys = ArrayParam::of_bytea();
    auto flush = [&]() -> Status {
      if (keys.count() == 0) return {};
      SN_TRY(pipeline_.add(sql, {Param::text(name), keys.param(), Param::text(table.kept_because)},
                           kStatementWait));
      keys.clear();
      return {};
    };
    SN_TRY(table.change.gone->for_each([&](const memory::KeptRecord& kept) -> Status {
      keys.add_bytes(kept.record.key);
      return keys.count() < kKeysPerStatement ? Status() : flush();
    }));
    return flush();
  }

  // A whole vanished table that stays: one entry without a key says that the decision was carried out.
  Status mark_kept(const std::string& table, const std::string& reason) {
    SN_ASSIGN(auto sql, postgres::fill(sql::keep_rows, {{"schema", target_.quoted_schema()}}));
    ArrayParam keys = ArrayParam::of_bytea();
    keys.add_bytes({});
    return pipeline_.add(sql, {Param::text(table), keys.param(), Param::text(reason)}, kStatementWait);
  }

  Status send_keys(std::string_view sql, const std::string& table, Spool& spool) {
    SN_TRY(spool.rewind());
    RecordReader reader(spool);
    std::string_view key;
    ArrayParam keys = ArrayParam::of_bytea();
    while (true) {
      SN_ASSIGN(bool more, reader.next(key));
      if (more) keys.add_bytes(key);
      if (keys.count() > 0 && (!more || keys.count() == kKeysPerStatement)) {
        SN_TRY(pipeline_.add(
            sql, {Param::text(target_.deployment.id), Param::text(epoch_), Param::text(table), keys.param()},
            kStatementWait));
        keys.clear();
      }
      if (!more) return {};
    }
  }

  // The tables (wire names) with edits that nobody decided yet, or that were decided against the source. This
  // statement began after all rows were written: an edit of one of them is either seen now, or waits for our
  // COMMIT and is an edit of what we wrote.
  Result<std::set<std::string>> advance() {
    SN_ASSIGN(auto sql, postgres::fill(sql::advance_state, {{"schema", target_.quoted_schema()}}));
    SN_TRY(pipeline_.add(sql,
                         {Param::text(generation_), Param::text(epoch_), Param::text(shipment_.sync_id),
                          Param::text(shipment_.source_identity), Param::text(shipment_.journal_mode),
                          Param::text(shipment_.source_schema), Param::text(shipment_.previous_sync_id)},
                         kStatementWait));
    SN_ASSIGN(const auto answers, pipeline_.finish());
    const postgres::Rows& done = answers.back();
    if (done.affected() == 1) {
      SN_ASSIGN(const auto tables, json::parse(done.text(0, 0)));
      std::set<std::string> edited;
      for (const auto& name : tables) edited.insert(name.get<std::string>());
      return edited;
    }
    return Error{ErrorCode::kAborted,
                 "the copy of '" + target_.deployment.client_name + "' moved on meanwhile",
                 "the next run starts from where it stands now"};
  }

  Status settle(const std::set<std::string>& edited) {
    Settlement settlement(connection_, target_, *shipment_.policy, shipment_.job_id, shipment_.generation);
    for (auto& table : shipment_.tables) {
      if (edited.count(wire_name(table.change.copy.name)) > 0) SN_TRY(settle_table(settlement, table));
    }
    shipment_.conflicts = settlement.tally();
    SN_ASSIGN(auto waiting, connection_.query(sql::conflicts_waiting, {Param::text(target_.deployment.id)},
                                              deadline_in(kStatementWait)));
    shipment_.conflicts_waiting = waiting.int64(0, 0);
    // Where the log is off it knows only those that wait.
    shipment_.conflicts.last_hour = std::max(waiting.int64(0, 1), shipment_.conflicts.detected);
    const std::string epoch = std::to_string(target_.term.epoch);
    const std::string days = std::to_string(shipment_.policy->resolution_log.retention.count());
    SN_ASSIGN(auto gone,
              connection_.query(sql::conflicts_expire,
                                {Param::text(target_.deployment.id), Param::text(epoch), Param::text(days)},
                                deadline_in(kStatementWait)));
    return {};
  }

  // A table that was loaded anew was overwritten as a whole, others in the rows that were shipped.
  Status settle_table(Settlement& settlement, TableShipment& table) {
    const CopyTable& copy = table.change.copy;
    if (table.publishes()) return settlement.all_rows(copy, table.reshaped);
    if (table.change.upserts) {
      SN_TRY(table.change.upserts->rewind());
      RecordReader reader(*table.change.upserts);
      std::string_view record;
      EncodedRow row;
      while (true) {
        SN_ASSIGN(const bool more, reader.next(record));
        if (!more) break;
        SN_TRY(deserialize(record, row));
        SN_TRY(settlement.add(copy, row.key));
      }
    }
    if (table.gone == GoneFate::kRemove && table.change.gone) {
      SN_TRY(table.change.gone->for_each([&](const memory::KeptRecord& kept) {
        return kept.rejected ? Status() : settlement.add(copy, kept.record.key);
      }));
    }
    return settlement.flush(copy);
  }

  postgres::Connection& connection_;
  postgres::Pipeline& pipeline_;
  const CopyTarget& target_;
  Shipment& shipment_;
  const std::function<void(const std::string&, int64_t)>& progress_;
  const std::string epoch_;
  const std::string generation_;
};

Error term_is_over(const CopyTarget& target) {
  return {
      ErrorCode::kFenced,
      "epoch " + std::to_string(target.term.epoch) + " of cluster '" + target.term.cluster_name + "' is over",
      "another node leads now; nothing was written"};
}

Status check_epoch(postgres::Pipeline& pipeline, const CopyTarget& target) {
  const std::string epoch = std::to_string(target.term.epoch);
  return pipeline.add(sql::check_epoch,
                      {Param::text(target.term.cluster_name), Param::text(target.term.leader_id),
                       Param::text(epoch), Param::text(target.term.nonce)},
                      kStatementWait);
}

Status check_alone(postgres::Pipeline& pipeline, const CopyTarget& target, bool wait) {
  const std::string epoch = std::to_string(target.term.epoch);
  return pipeline.add(sql::check_epoch_alone,
                      {Param::text(target.term.cluster_name), Param::text(target.term.leader_id),
                       Param::text(epoch), Param::text(target.term.nonce), Param::text(target.deployment.id),
                       Param::text(wait ? "true" : "false")},
                      kStatementWait);
}

// The check, which was the statement of that number, fails by a division; all else is told as it is.
Error begin_failure(const postgres::Connection& connection, const postgres::Pipeline& pipeline,
                    const CopyTarget& target, size_t check, Error error) {
  const bool over = pipeline.failed_at() == check && connection.last_sqlstate() == "22012";
  return over ? term_is_over(target) : error;
}

}  // namespace

bool TableShipment::publishes() const {
  return std::any_of(operations.begin(), operations.end(),
                     [](const json::Json& operation) { return operation.at("op") == "publish"; });
}

bool Shipment::is_small() const {
  uint64_t bytes = 0;
  bool changes_schema = !operations.empty();
  for (const auto& table : tables) {
    bytes += table.change.upserts ? table.change.upserts->size() : 0;
    changes_schema = changes_schema || !table.operations.empty();
  }
  return !changes_schema && bytes <= kSmall;
}

Result<postgres::Transaction> begin_fenced(postgres::Connection& connection, const CopyTarget& target,
                                           const postgres::TransactionOptions& options) {
  postgres::Pipeline pipeline(connection);
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(pipeline, options, kStatementWait));
  const size_t check = pipeline.count();
  SN_TRY(check_epoch(pipeline, target));
  auto answers = pipeline.finish();
  if (!answers) return begin_failure(connection, pipeline, target, check, std::move(answers).error());
  return transaction;
}

Result<postgres::Transaction> begin_alone(postgres::Connection& connection, const CopyTarget& target,
                                          const postgres::TransactionOptions& options, bool wait) {
  postgres::Pipeline pipeline(connection);
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(pipeline, options, kStatementWait));
  const size_t check = pipeline.count();
  SN_TRY(check_alone(pipeline, target, wait));
  auto answers = pipeline.finish();
  if (!answers) return begin_failure(connection, pipeline, target, check, std::move(answers).error());
  if (answers->back().boolean(0, 1)) return transaction;
  return Error{ErrorCode::kUnavailable,
               "a sync of client '" + target.deployment.client_name + "' is just writing",
               "ask again in a moment"};
}

Status commit_fenced(const CopyTarget& target, postgres::Transaction& transaction) {
  postgres::Script last;
  postgres::fence(last, target.term);
  return transaction.commit(last, {}, deadline_in(kStatementWait));
}

Status change_schema(postgres::Connection& connection, const CopyTarget& target, const json::Json& operations,
                     Deadline deadline) {
  std::string epoch = std::to_string(target.term.epoch);
  std::string text = json::to_text(operations);
  SN_ASSIGN(
      auto done,
      connection.query(sql::change_schema,
                       {Param::text(target.deployment.id), Param::text(epoch), Param::text(text)}, deadline));
  return {};
}

Status ship(postgres::Connection& connection, const CopyTarget& target, Shipment& shipment,
            const std::function<void(const std::string&, int64_t)>& progress, AfterCommit& after) {
  postgres::TransactionOptions options;
  options.statement_timeout = kLongestStatement;
  options.any_parameters = true;
  postgres::Pipeline pipeline(connection);
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(pipeline, options, kStatementWait));
  const size_t check = pipeline.count();
  SN_TRY(check_alone(pipeline, target, true));
  Status done = Shipper(connection, pipeline, target, shipment, progress).run();
  if (!done) return begin_failure(connection, pipeline, target, check, std::move(done).error());
  postgres::Script last;
  postgres::fence(last, target.term);
  const postgres::Script behind = after.script();
  SN_TRY(transaction.commit(last, behind, deadline_in(kStatementWait), &after.failure));
  after.said = !after.failure.has_value();
  return {};
}

}  // namespace syncnode::sync
