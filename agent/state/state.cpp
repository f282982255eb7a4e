#include "state/state.h"

#include <utility>

#include "state/state_key.h"

namespace syncnode::state {
namespace {

// After these, what is cached is known or suspected to be no longer what is stored.
bool casts_doubt(ErrorCode code) {
  return code == ErrorCode::kAborted || code == ErrorCode::kNotFound || code == ErrorCode::kOutcomeUnknown ||
         code == ErrorCode::kDeadlineExceeded || code == ErrorCode::kCancelled;
}

}  // namespace

std::optional<StateAnswer> State::peek(std::string_view key) {
  const StateCache::Found found = cache_.peek(key, BootClock::now());
  if (!found) return std::nullopt;
  return StateAnswer{*found, true};
}

Result<StateAnswer> State::get(const std::string& key, Deadline deadline) {
  SN_TRY(check_key(key));
  if (const StateCache::Found found = cache_.find(key, BootClock::now())) return StateAnswer{*found, true};
  const StateCache::Reading reading = cache_.begin(key, BootClock::now());
  SN_ASSIGN(StateRecord record, store_.get(key, deadline));
  cache_.keep(reading, record);
  return StateAnswer{std::move(record), false};
}

Result<StateAnswer> State::put(const Term& term, const StatePut& put, Deadline deadline) {
  SN_TRY(check_key(put.key));
  SN_TRY(check_value(put.key, put.value));
  const StateCache::Reading writing = cache_.begin(put.key, BootClock::now());
  auto written = store_.put(term, put, deadline);
  if (!written) {
    if (casts_doubt(written.error().code)) cache_.invalidate(put.key);
    return std::move(written).error();
  }
  // Another's newer write may have been announced meanwhile: then neither is kept.
  cache_.replace(writing, *written);
  return StateAnswer{std::move(*written), false};
}

}  // namespace syncnode::state
