// Jobs for people: a list, the newest first, and one with its tables. Pure; `now` is the wall clock in
// seconds since 1970, since jobs carry the server's times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/table.h"
#include "control/views.h"

namespace syncnode::cli {

std::string jobs_page(const std::vector<control::JobView>& jobs, double now, const Look& look);
std::string job_page(const control::JobView& job, double now, const Look& look);

// Of a followed sync: what `sync` prints when a node did it.
std::string sync_page(const control::JobView& job, const Look& look);

// Seconds since 1970 of "2025-10-10T12:00:00Z"; nothing for anything else.
std::optional<double> seconds_of(const std::string& time);

}  // namespace syncnode::cli
