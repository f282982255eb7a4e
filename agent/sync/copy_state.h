// CopyState: what the copy says about itself, read once at the start of a run. CopyTarget: where and as whom
// we write. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/term.h"
#include "postgres/connection.h"
#include "postgres/script.h"
#include "sync/copy_shape.h"

namespace syncnode::sync {

struct Deployment {
  std::string id;
  std::string client_name;
  std::string schema;  // not quoted
  std::string sqlite_path;
  std::string container_name;
  std::string status;
  std::string conflict_policy;  // of its own, JSON; "" for none
};

struct CopyTarget {
  Deployment deployment;
  Term term;

  std::string quoted_schema() const { return postgres::Connection::quote_identifier(deployment.schema); }
  std::string quoted_table(std::string_view table) const {
    return quoted_schema() + "." + postgres::Connection::quote_identifier(table);
  }
};

struct CopyLoad {
  std::string load_table;
  std::string table;
  std::string load_id;
  int64_t chunks = 0;
  int64_t rows = 0;
  int64_t last_position = 0;
  bool complete = false;
};

struct CopyState {
  int64_t generation = 0;
  std::string sync_id;            // "" before the first sync
  std::string source_schema;      // as stored, to write it only when it changed
  int64_t conflicts_waiting = 0;  // for a person
  std::vector<CopyTable> tables;
  std::vector<CopyLoad> loads;

  const CopyTable* table(std::string_view source_name) const;
};

// How long one small statement may take.
inline constexpr std::chrono::seconds kStatementWait{60};

Result<Deployment> find_deployment(postgres::Connection& connection, const std::string& client_name);
Result<CopyState> read_copy_state(postgres::Connection& connection, const CopyTarget& target);
// The same questions as parts of a script, and their answers.
void ask_deployment(postgres::Script& script, const std::string& client_name);
Result<Deployment> deployment_of(const postgres::Rows& rows, const std::string& client_name);
Status ask_copy_state(postgres::Script& script, const CopyTarget& target);
Result<CopyState> copy_state_of(const postgres::Rows& rows);

}  // namespace syncnode::sync
