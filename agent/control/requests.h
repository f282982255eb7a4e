// What can be meant by a request, said before anybody is asked. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/control.h"
#include "model/job_kind.h"

namespace syncnode::control {

// The client's name, and what the job is to do.
Result<JobKind> check_trigger(const TriggerRequest& request);

Status check_client_name(std::string_view name);
Status check_uuid(std::string_view what, std::string_view text);
Status check_limit(int64_t limit);
Status check_choice(const Resolution& resolution);
// An id, or the beginning of one that is long enough to mean it.
Status check_conflict_id(std::string_view text);
Status check_filter(const ConflictFilter& filter);
Status check_bulk(const BulkResolution& resolution);

}  // namespace syncnode::control
