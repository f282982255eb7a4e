#include "deploy/project.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/hex.h"

namespace syncnode::deploy {
namespace {

constexpr std::string_view kDirectHead = "db.", kDirectTail = ".supabase.co",
                           kPoolerTail = ".pooler.supabase.com";

bool proves_the_admin(std::string_view parameter) {
  return parameter.find("password") != std::string_view::npos || parameter == "passfile" ||
         parameter == "sslcert" || parameter == "sslkey" || parameter == "application_name" ||
         parameter == "options";
}

// libpq's own default goes on in plain text with whoever says that it has no TLS.
bool may_do_without_tls(std::string_view sslmode) {
  return sslmode == "disable" || sslmode == "allow" || sslmode == "prefer";
}

config::DatabaseUrl to_supabase(const std::string& host, const std::string& user, const std::string& password,
                                const config::DatabaseUrl& given) {
  config::DatabaseUrl url;
  url.user = user;
  url.password = password;
  url.hosts.push_back({host, "5432"});
  url.database = "postgres";
  for (const auto& [name, value] : given.parameters) {
    const bool weak = name == "sslmode" && may_do_without_tls(value);
    if (name.starts_with("ssl") && !proves_the_admin(name) && !weak) url.parameters.emplace_back(name, value);
  }
  return with_tls(std::move(url));
}

}  // namespace

bool is_project_word(std::string_view word) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !word.empty() && word.size() <= 63 && word.front() != '-' &&
         std::all_of(word.begin(), word.end(), fits);
}

Project project_of(const config::DatabaseUrl& url) {
  Project project{kSelfHosted, kSelfHosted};
  if (url.hosts.size() != 1) return project;
  const std::string& host = url.hosts[0].name;
  if (url.through_supabase_pooler()) {
    project.region = host.substr(0, host.size() - kPoolerTail.size());
    if (const auto dot = url.user.rfind('.'); dot != std::string::npos)
      project.ref = url.user.substr(dot + 1);
  } else if (host.starts_with(kDirectHead) && host.ends_with(kDirectTail) &&
             host.size() > kDirectHead.size() + kDirectTail.size()) {
    project.ref = host.substr(kDirectHead.size(), host.size() - kDirectHead.size() - kDirectTail.size());
  }
  return project;
}

config::DatabaseUrl direct_url(const Project& project, const std::string& role, const std::string& password,
                               const config::DatabaseUrl& given) {
  return to_supabase(fmt::format("{}{}{}", kDirectHead, project.ref, kDirectTail), role, password, given);
}

config::DatabaseUrl pooler_url(const Project& project, const std::string& role, const std::string& password,
                               const config::DatabaseUrl& given) {
  return to_supabase(fmt::format("{}{}", project.region, kPoolerTail),
                     fmt::format("{}.{}", role, project.ref), password, given);
}

config::DatabaseUrl with_tls(config::DatabaseUrl url) {
  const bool says = std::any_of(url.parameters.begin(), url.parameters.end(),
                                [](const auto& parameter) { return parameter.first == "sslmode"; });
  if (!says && (url.through_supabase_pooler() || project_of(url).is_supabase()))
    url.parameters.emplace_back("sslmode", "require");
  return url;
}

config::DatabaseUrl url_for(const config::DatabaseUrl& admin, const std::string& role,
                            const std::string& password) {
  config::DatabaseUrl url = admin;
  const auto dot = admin.user.rfind('.');
  url.user = role;
  if (admin.through_supabase_pooler() && dot != std::string::npos) url.user += admin.user.substr(dot);
  url.password = password;
  std::erase_if(url.parameters, [](const auto& parameter) { return proves_the_admin(parameter.first); });
  return url;
}

Error explain_tenant(Error error, const config::DatabaseUrl& url, const Project& project) {
  const auto says = [&](std::string_view words) { return error.message.find(words) != std::string::npos; };
  if (!says("Tenant or user not found") && !says("ENOTFOUND") && !says("ENOIDENTIFIER")) return error;
  if (url.user.find('.') != std::string::npos) {
    error.hint = fmt::format(
        "the pooler '{}' does not know '{}': compare both with the project's connection page (aws-0 and "
        "aws-1 "
        "differ), and see that the project is not paused",
        url.hosts.empty() ? "" : url.hosts[0].name, url.user);
    return error;
  }
  config::DatabaseUrl right = url;
  right.user = fmt::format("{}.{}", url.user, project.is_supabase() ? project.ref : "PROJECT_REF");
  if (!right.password) right.password = "";
  error.hint = fmt::format("a pooler's user ends with the project: '{}' instead of '{}', so {}", right.user,
                           url.user, config::masked_url(right));
  return error;
}

Result<std::string> generated_password() {
  std::string bytes(24, '\0');
  if (::getentropy(bytes.data(), bytes.size()) == 0) return to_hex(bytes);
  return Error{ErrorCode::kInternal, "the kernel gave no random bytes for a password", ""};
}

}  // namespace syncnode::deploy
