// StateStore: the port to the values kept under keys. "deployment.<client>" is what the client's registration
// shows, every other key a plain JSON value. A put commits only under the term it was made for. Refuses to
// cache and to retry. One thread at a time; every call ends by its deadline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/term.h"

namespace syncnode::state {

struct StateRecord {
  std::string value;    // JSON text
  int64_t version = 0;  // from 1, one more with every change
  std::string updated_at;
};

struct StatePut {
  std::string key;
  std::string value;                  // JSON text; of a deployment an object with the members to change
  std::string updated_by;             // for the audit, never empty
  std::optional<int64_t> if_version;  // the version to replace; 0: the key must not exist; nothing: any
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // kNotFound without such a key or client.
  virtual Result<StateRecord> get(const std::string& key, Deadline deadline) = 0;

  // What is stored now. kAborted: the stored version is not `if_version`; kFenced: the term is over;
  // kNotFound: no such client; kInvalidArgument, kPermissionDenied: what a deployment does not let change;
  // then nothing was written. kOutcomeUnknown: read before acting.
  virtual Result<StateRecord> put(const Term& term, const StatePut& put, Deadline deadline) = 0;
};

}  // namespace syncnode::state
