// The commands' way to PostgreSQL: connections as the agent or the admin, and queries that answer in JSON
// documents. Every call has the one deadline of a command. Main thread only.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/command.h"
#include "config/settings.h"
#include "json/json.h"
#include "postgres/connection.h"

namespace syncnode::cli {

// For everything a command asks of the server but runs and migrations: 30 s from now.
Deadline command_deadline();

Result<config::Settings> load_settings(const Invocation& invocation, config::Purpose purpose);
Result<postgres::Connection> connect_agent(const config::Settings& settings, Deadline deadline);
Result<postgres::Connection> connect_admin(const AdminOptions& options, Deadline deadline);

// The rows of a query with one column that holds a JSON document each.
Result<std::vector<json::Json>> documents(postgres::Connection& connection, std::string_view sql,
                                          const std::vector<postgres::Param>& params, Deadline deadline);

// A parameter that is NULL when the text is empty. Borrows `text`.
postgres::Param text_or_null(std::string_view text);

}  // namespace syncnode::cli
