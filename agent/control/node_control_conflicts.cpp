// The part of the control that is about conflicts.
#include <fmt/format.h>

#include <utility>

#include "control/bulk_run.h"
#include "control/node_control.h"
#include "control/records.h"
#include "control/requests.h"

namespace syncnode::control {
namespace {

// Below the ten seconds that a question has: who asked is answered, also when the last one takes its time.
constexpr std::chrono::seconds kBulkTime{5};
constexpr char kByPerson[] = "manual";  // whatever the policy would have done

std::string in_words(const BulkResolution& wanted) {
  std::string text = fmt::format("client '{}'", wanted.client_name);
  if (wanted.table_name) text += fmt::format(", table '{}'", *wanted.table_name);
  if (wanted.conflict_type) text += ", " + *wanted.conflict_type;
  return text;
}

}  // namespace

void NodeControl::conflicts(const Caller& caller, ConflictFilter filter,
                            Done<std::vector<ConflictView>> done) {
  if (!caller.may_read) return done(may_not("see the conflicts"));
  if (auto checked = check_filter(filter); !checked) return done(std::move(checked).error());
  ask<std::vector<ConflictView>>(
      std::move(done), [filter = std::move(filter)](postgres::Connection& connection, Deadline deadline) {
        return read_conflicts(connection, filter, deadline);
      });
}

void NodeControl::conflict(const Caller& caller, std::string conflict_id, Done<ConflictDetail> done) {
  if (!caller.may_read) return done(may_not("see the conflicts"));
  if (auto checked = check_conflict_id(conflict_id); !checked) return done(std::move(checked).error());
  ask<ConflictDetail>(std::move(done),
                      [id = std::move(conflict_id)](postgres::Connection& connection,
                                                    Deadline deadline) -> Result<ConflictDetail> {
                        SN_ASSIGN(auto view, read_conflict(connection, id, deadline));
                        return detail_of(std::move(view));
                      });
}

void NodeControl::resolve(const Caller& caller, Resolution resolution, Done<ConflictView> done) {
  if (!caller.may_change) return done(may_not("resolve a conflict"));
  if (auto checked = check_uuid("conflict", resolution.conflict_id); !checked)
    return done(std::move(checked).error());
  if (auto checked = check_choice(resolution); !checked) return done(std::move(checked).error());
  ask<ConflictView>(std::move(done),
                    [this, by = caller.name, resolution = std::move(resolution)](
                        postgres::Connection& connection, Deadline deadline) -> Result<ConflictView> {
                      SN_TRY(decide(connection, resolution, by, deadline));
                      return read_conflict(connection, resolution.conflict_id, deadline);
                    });
}

Result<bool> NodeControl::decide(postgres::Connection& connection, const Resolution& resolution,
                                 const std::string& by, Deadline deadline) {
  SN_ASSIGN(const auto term, term_to_act());
  SN_ASSIGN(const bool now, parts_.conflicts.resolve(connection, term, resolution, by, deadline));
  if (now) {
    parts_.metrics.conflict_resolved(kByPerson);
    parts_.log.info(
        fmt::format("{} resolved conflict {}: {}", by, resolution.conflict_id, resolution.choice));
  }
  return now;
}

// ---------------------------------------------------------------------------------------------- many at once

struct NodeControl::Bulk {
  std::string by;
  BulkResolution wanted;
  Done<BulkView> done;
  BulkRun run{deadline_in(kBulkTime)};
};

void NodeControl::resolve_all(const Caller& caller, BulkResolution resolution, Done<BulkView> done) {
  if (!caller.may_change) return done(may_not("resolve conflicts"));
  if (auto checked = check_bulk(resolution); !checked) return done(std::move(checked).error());
  go_on(std::make_shared<Bulk>(Bulk{caller.name, std::move(resolution), std::move(done)}));
}

// One turn is one question; the next one goes behind those that others asked meanwhile.
void NodeControl::go_on(const std::shared_ptr<Bulk>& bulk) {
  const auto answer = [this](const Bulk& ended) {
    auto outcome = ended.run.outcome();
    if (outcome) {
      parts_.log.info(fmt::format("{} resolved {} of {} with '{}'; {} refused, {} left", ended.by,
                                  outcome->resolved, in_words(ended.wanted), ended.wanted.choice,
                                  outcome->refused, outcome->left));
    }
    ended.done(std::move(outcome));
  };
  auto posted =
      desk_.post([this, bulk, answer](const Result<postgres::Connection*>& connection, Deadline deadline) {
        const Status turned = connection ? take_turn(*bulk, **connection, deadline) : connection.error();
        if (!turned) bulk->run.stop(turned.error());
        if (bulk->run.over()) return answer(*bulk);
        go_on(bulk);
      });
  if (posted) return;
  bulk->run.stop(posted.error());
  answer(*bulk);
}

Status NodeControl::take_turn(Bulk& bulk, postgres::Connection& connection, Deadline deadline) {
  SN_TRY(term_to_act());
  if (!bulk.run.begun()) {
    SN_ASSIGN(auto waiting, read_waiting(connection, bulk.wanted, deadline));
    bulk.run.begin(std::move(waiting.first), waiting.all);
  }
  bulk.run.turn([&](const WaitingConflict& one) -> Result<bool> {
    if (!connection.usable()) return Error{ErrorCode::kUnavailable, "the database connection was lost", ""};
    return decide(connection, {one.conflict_id, bulk.wanted.choice, "", one.version}, bulk.by, deadline);
  });
  return {};
}

}  // namespace syncnode::control
