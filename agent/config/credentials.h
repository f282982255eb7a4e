// Credentials: the project's secrets as deploy writes them to /etc/sync-node/admin/.credentials, and the
// choice of the admin URL of a command. Refuses files others can read and passwords on a command line. Plain
// value, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::config {

inline constexpr char kCredentialsFile[] = "/etc/sync-node/admin/.credentials";

// Exactly these five names, shell-sourceable.
struct Credentials {
  std::string supabase_project_ref;
  std::string supabase_region;
  std::string sync_service_password;  // plain
  std::string admin_url;              // password percent-encoded
  std::string sync_url;
};

Result<Credentials> parse_credentials(std::string_view text, std::string_view file_name);
Result<Credentials> read_credentials(const std::string& path);

struct AdminUrlSource {
  std::string url;       // --admin-url; "" when not given
  std::string url_file;  // --admin-url-file; "-" is standard input; "" when not given
  std::string credentials_file = kCredentialsFile;  // used when neither is given
};

Result<std::string> find_admin_url(const AdminUrlSource& source);

}  // namespace syncnode::config
