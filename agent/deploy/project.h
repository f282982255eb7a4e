// Project: the database a host is deployed to, and the URLs that lead there: a Supabase project by its
// reference and region, or any PostgreSQL by the admin's URL. Also the one refusal of Supabase's pooler that
// has to be explained, and where passwords come from. Refuses to connect. Pure but for the generator; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/database_url.h"

namespace syncnode::deploy {

// Stands for both words of a project that is not Supabase's.
inline constexpr char kSelfHosted[] = "self-hosted";

struct Project {
  std::string ref, region;
  bool is_supabase() const { return ref != kSelfHosted; }
};

// A label of a host name: letters, digits and '-', in lower case.
bool is_project_word(std::string_view word);
// What a URL tells of its project; kSelfHosted for what it does not.
Project project_of(const config::DatabaseUrl& url);

// With TLS at least, and with what `given`, another way to the same project, demands of it beyond that.
config::DatabaseUrl direct_url(const Project& project, const std::string& role, const std::string& password,
                               const config::DatabaseUrl& given = {});
config::DatabaseUrl pooler_url(const Project& project, const std::string& role, const std::string& password,
                               const config::DatabaseUrl& given = {});
// A URL to Supabase that says nothing of TLS demands it from now on; any other stays as it is.
config::DatabaseUrl with_tls(config::DatabaseUrl url);
// The same way to the same database as another role. What proves who the admin is (certificates, further
// passwords) is left out.
config::DatabaseUrl url_for(const config::DatabaseUrl& admin, const std::string& role,
                            const std::string& password);

// "Tenant or user not found" and its kind get the user, and so the URL, that would be right (password
// masked); other errors stay what they are.
Error explain_tenant(Error error, const config::DatabaseUrl& url, const Project& project);

// 48 letters and digits: 192 bits of the kernel's.
Result<std::string> generated_password();

}  // namespace syncnode::deploy
