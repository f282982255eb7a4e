// FakeStateStore: values and clients in memory, with the rules of sql/07-agent-state.sql and its queries.
// tests/state/state_store_contract_test.cpp holds it to what PostgreSQL does. One thread; a test may fail or
// delay any call through `before`.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "json/json.h"
#include "state/deployment_value.h"
#include "state/state_key.h"
#include "state/state_store.h"

namespace syncnode::test {

class FakeStateStore final : public state::StateStore {
 public:
  explicit FakeStateStore(Term current) : current_(std::move(current)) {}

  // Runs before every call, with its key; an error is returned instead of doing anything.
  std::function<Status(const std::string& key)> before;
  int gets = 0, puts = 0;

  void take_over() { ++current_.epoch; }
  void add_client(const std::string& name) {
    stored_["deployment." + name] = {
        R"({"client_name":")" + name +
            R"(","sync_enabled":false,"sync_interval":300,"status":"active","config":{}})",
        1, "2025-10-10T12:00:00Z"};
  }
  // By somebody else, past this store.
  void change(const std::string& key, std::string value) {
    auto& record = stored_[key];
    record = {std::move(value), record.version + 1, "2025-10-10T12:00:01Z"};
  }

  Result<state::StateRecord> get(const std::string& key, Deadline /*deadline*/) override {
    ++gets;
    if (before) SN_TRY(before(key));
    return find(key);
  }

  Result<state::StateRecord> put(const Term& term, const state::StatePut& put,
                                 Deadline /*deadline*/) override {
    ++puts;
    if (before) SN_TRY(before(put.key));
    SN_ASSIGN(state::StateRecord record, written(put));
    if (term.epoch != current_.epoch || term.nonce != current_.nonce ||
        term.leader_id != current_.leader_id) {
      return Error{ErrorCode::kFenced, "the term is over", ""};
    }
    stored_[put.key] = record;
    return record;
  }

 private:
  Result<state::StateRecord> find(const std::string& key) const {
    const auto found = stored_.find(key);
    if (found == stored_.end()) return state::not_found(key);
    return found->second;
  }

  Result<state::StateRecord> written(const state::StatePut& put) const {
    auto stored = find(put.key);
    const bool deployment = state::deployment_client(put.key).has_value();
    if (!stored && deployment) return std::move(stored).error();
    const int64_t version = stored ? stored->version : 0;
    if (put.if_version && *put.if_version != version) {
      return state::version_differs(put.key, version, *put.if_version);
    }
    std::string value = put.value;
    if (deployment) {
      SN_ASSIGN(const state::DeploymentChange change,
                state::deployment_change(put.key, stored->value, put.value));
      if (change.empty()) return std::move(*stored);
      SN_ASSIGN(json::Json document, json::parse(stored->value));
      if (change.sync_enabled) document["sync_enabled"] = *change.sync_enabled;
      if (change.sync_interval) document["sync_interval"] = *change.sync_interval;
      if (change.status) document["status"] = *change.status;
      value = json::to_text(document);
    }
    return state::StateRecord{std::move(value), version + 1, "2025-10-10T12:00:02Z"};
  }

  Term current_;
  std::map<std::string, state::StateRecord> stored_;
};

}  // namespace syncnode::test
