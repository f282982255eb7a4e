// DatabaseUrl: a postgresql:// URL in its parts, decoded; and the forms of it that may be seen. Percent signs
// are decoded and encoded by bytes, so any password survives whatever its characters are. Refuses to connect
// and to judge whether the server exists (libpq does). Plain value, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace syncnode::config {

struct DatabaseUrl {
  std::string user;                     // "" when not given
  std::optional<std::string> password;  // of the authority part or of ?password=
  // One element per host; more than one is libpq's "try in order". A host may be an IPv6 address (without
  // brackets) or the absolute path of a socket directory.
  struct Host {
    std::string name;
    std::string port;  // "" when not given
  };
  std::vector<Host> hosts;
  std::string database;                                         // "" when not given
  std::vector<std::pair<std::string, std::string>> parameters;  // decoded, in order, without ?password=

  // The user without a pooler's ".PROJECT_REF": the role the server will see.
  std::string login_role() const;
  bool through_supabase_pooler() const;
  bool holds_secret() const;  // a password, or the one of a client key
};

// kInvalidArgument; messages never repeat the text, which may hold a password.
Result<DatabaseUrl> parse_database_url(std::string_view text);

std::string to_url(const DatabaseUrl& url);          // holds the password: never log it
std::string masked_url(const DatabaseUrl& url);      // "postgresql://sync_service:***@host:5432/postgres"
std::string percent_encode(std::string_view bytes);  // all but [A-Za-z0-9-._~]
Result<std::string> percent_decode(std::string_view text);

}  // namespace syncnode::config
