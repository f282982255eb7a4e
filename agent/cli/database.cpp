#include "cli/database.h"

#include "config/credentials.h"

namespace syncnode::cli {

Deadline command_deadline() {
  return deadline_in(std::chrono::seconds(30));
}

Result<config::Settings> load_settings(const Invocation& invocation, config::Purpose purpose) {
  return config::load_settings({config::environment_of_process(), invocation.env_files, ""}, purpose);
}

Result<postgres::Connection> connect_agent(const config::Settings& settings, Deadline deadline) {
  return postgres::Connection::open({settings.database_url, "sync-nodectl"}, deadline);
}

Result<postgres::Connection> connect_admin(const AdminOptions& options, Deadline deadline) {
  SN_ASSIGN(auto url, config::find_admin_url({options.url, options.url_file, config::kCredentialsFile}));
  return postgres::Connection::open({url, "sync-nodectl admin"}, deadline);
}

Result<std::vector<json::Json>> documents(postgres::Connection& connection, std::string_view sql,
                                          const std::vector<postgres::Param>& params, Deadline deadline) {
  SN_ASSIGN(auto rows, connection.query(sql, params, deadline));
  std::vector<json::Json> found;
  for (int row = 0; row < rows.count(); ++row) {
    SN_ASSIGN(auto document, json::parse(rows.text(row, 0)));
    found.push_back(std::move(document));
  }
  return found;
}

postgres::Param text_or_null(std::string_view text) {
  return text.empty() ? postgres::Param::null() : postgres::Param::text(text);
}

}  // namespace syncnode::cli
