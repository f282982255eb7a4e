#include "config/credentials.h"

#include <fmt/format.h>

#include <utility>

#include "config/database_url.h"
#include "config/env_file.h"
#include "config/small_file.h"

namespace syncnode::config {
namespace {

// The text of a file that holds one URL: blank lines and lines beginning with # aside.
Result<std::string> only_line(std::string_view text, const std::string& path) {
  std::string found;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t'))
      line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (!found.empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' holds more than one line", path),
                   "the file of --admin-url-file holds one postgresql:// URL and nothing else"};
    }
    found = line;
  }
  if (!found.empty()) return found;
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is empty", path),
               "write the admin's postgresql:// URL into it"};
}

Result<std::string> url_from_file(const std::string& path) {
  SN_ASSIGN(auto text, read_small_file(path));
  SN_ASSIGN(auto line, only_line(text, path));
  auto url = parse_database_url(line);
  if (!url) return std::move(url).error().with_context(fmt::format("'{}'", path));
  if (url->holds_secret()) SN_TRY(check_private(path, Readers::kOwner));
  return line;
}

Result<std::string> url_from_argument(const std::string& text) {
  auto url = parse_database_url(text);
  if (!url) return std::move(url).error().with_context("--admin-url");
  if (url->holds_secret()) {
    return Error{ErrorCode::kInvalidArgument,
                 "--admin-url holds a password, which every user of this host could see in the process list",
                 "write the URL to a file of mode 600 and use --admin-url-file FILE, or pipe it to "
                 "--admin-url-file -"};
  }
  return text;
}

}  // namespace

Result<Credentials> parse_credentials(std::string_view text, std::string_view file_name) {
  Problems problems;
  Credentials credentials;
  std::pair<std::string_view, std::string*> names[] = {
      {"SUPABASE_PROJECT_REF", &credentials.supabase_project_ref},
      {"SUPABASE_REGION", &credentials.supabase_region},
      {"SYNC_SERVICE_PASSWORD", &credentials.sync_service_password},
      {"ADMIN_URL", &credentials.admin_url},
      {"SYNC_URL", &credentials.sync_url},
  };
  for (auto& entry : parse_env(text, file_name, problems)) {
    bool known = false;
    for (auto& [name, place] : names) {
      if (name != entry.key) continue;
      *place = std::move(entry.value);
      known = true;
    }
    if (!known) {
      problems.add(
          fmt::format("{} line {} sets '{}', which is not a credential", file_name, entry.line, entry.key),
          "remove the line");
    }
  }
  for (const auto& [name, place] : names) {
    if (place->empty()) problems.add(fmt::format("{} does not set {}", file_name, name), "add the line");
    if (!name.ends_with("_URL") || place->empty()) continue;
    auto url = parse_database_url(*place);
    if (!url)
      problems.add(fmt::format("{} in {}: {}", name, file_name, url.error().message), url.error().hint);
  }
  if (!problems.empty()) return problems.to_error();
  return credentials;
}

Result<Credentials> read_credentials(const std::string& path) {
  SN_ASSIGN(auto text, read_small_file(path));
  SN_TRY(check_private(path, Readers::kOwner));
  return parse_credentials(text, path);
}

Result<std::string> find_admin_url(const AdminUrlSource& source) {
  if (!source.url.empty() && !source.url_file.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--admin-url and --admin-url-file are both given",
                 "give one of them"};
  }
  if (!source.url.empty()) return url_from_argument(source.url);
  if (!source.url_file.empty()) return url_from_file(source.url_file);
  auto credentials = read_credentials(source.credentials_file);
  if (credentials) return credentials->admin_url;
  if (credentials.error().code == ErrorCode::kNotFound) {
    return Error{
        ErrorCode::kInvalidArgument, "this command needs the admin's database URL",
        fmt::format("give --admin-url-file FILE, or --admin-url URL without a password; without either it "
                    "is read from {}",
                    source.credentials_file)};
  }
  return std::move(credentials).error();
}

}  // namespace syncnode::config
