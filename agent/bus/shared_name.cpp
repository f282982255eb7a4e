#include "bus/shared_name.h"

#include "bus/names.h"

namespace syncnode::bus {
namespace {

uint32_t flags(bool leading) {
  return leading ? kAllowReplacement | kReplaceExisting : kAllowReplacement;
}

}  // namespace

void SharedName::queue_now(bool leading) {
  driver_.request_name_now(kSharedName, flags(leading));
}

void SharedName::lead(bool leading) {
  const auto told = [&log = log_](const char* what) {
    return [&log, what](const Status& status) {
      if (!status) log.warning(std::string(what) + " '" + kSharedName + "': " + status.error().to_string());
    };
  };
  // The bus answers one connection in order, so the release comes before the request. A leader that is queued
  // asks again with the right to replace.
  if (!leading) driver_.release_name(kSharedName, told("releasing"));
  driver_.request_name(kSharedName, flags(leading), told("asking for"));
}

}  // namespace syncnode::bus
