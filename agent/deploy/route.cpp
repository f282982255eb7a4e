#include "deploy/route.h"

#include <fmt/format.h>

namespace syncnode::deploy {
namespace {

constexpr std::chrono::seconds kPatience{12};

std::string host_of(const config::DatabaseUrl& url) {
  return url.hosts.empty() ? "the default host" : url.hosts[0].name;
}

bool is_unreachable(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
}

Error nobody_answers(const std::vector<std::string>& passed_over) {
  std::string all;
  for (const auto& one : passed_over) all += (all.empty() ? "" : "; ") + one;
  return {ErrorCode::kUnavailable, fmt::format("the database cannot be reached: {}", all),
          "check the project reference and region, that the project is not paused, and this host's network"};
}

}  // namespace

std::string_view to_string(Way way) {
  switch (way) {
    case Way::kGiven:
      return "given";
    case Way::kDirect:
      return "direct";
    case Way::kPooler:
      return "pooler";
  }
  return "";
}

Way way_of(const config::DatabaseUrl& url) {
  if (url.through_supabase_pooler()) return Way::kPooler;
  return project_of(url).is_supabase() ? Way::kDirect : Way::kGiven;
}

Result<Opened> open_first(const std::vector<config::DatabaseUrl>& urls, const Project& project,
                          const std::string& application_name) {
  std::vector<std::string> passed_over;
  for (const auto& url : urls) {
    auto connection =
        postgres::Connection::open({config::to_url(url), application_name}, deadline_in(kPatience));
    if (connection) return Opened{url, std::move(*connection), std::move(passed_over)};
    if (!is_unreachable(connection.error())) {
      return explain_tenant(std::move(connection).error(), url, project).with_context(host_of(url));
    }
    passed_over.push_back(fmt::format("{}: {}", host_of(url), connection.error().message));
  }
  return nobody_answers(passed_over);
}

}  // namespace syncnode::deploy
