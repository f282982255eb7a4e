// Route: a way to the project's database, and trying several in order. Only what cannot be reached lets the
// next one have its turn: who answers, and refuses, has decided. One thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/database_url.h"
#include "deploy/project.h"
#include "postgres/connection.h"

namespace syncnode::deploy {

enum class Way { kGiven, kDirect, kPooler };
std::string_view to_string(Way way);  // "given", "direct", "pooler"
Way way_of(const config::DatabaseUrl& url);

struct Opened {
  config::DatabaseUrl url;
  postgres::Connection connection;
  std::vector<std::string> passed_over;  // "db.x.supabase.co: no route to host", in the order of trying
  Way way() const { return way_of(url); }
};

// Each has twelve seconds.
Result<Opened> open_first(const std::vector<config::DatabaseUrl>& urls, const Project& project,
                          const std::string& application_name);

}  // namespace syncnode::deploy
