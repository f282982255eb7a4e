// What an operator writes: env files and database URLs. Errors, never crashes; a URL that was read reads the
// same when it is written out, and its masked form shows no password.
#include "config/database_url.h"
#include "config/env_file.h"
#include "law.h"

using namespace syncnode;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  config::Problems problems;
  for (const auto& entry : config::parse_env(text, "fuzz.env", problems)) {
    fuzz::law(!entry.key.empty() && entry.line > 0, "an entry has a key and a line");
    fuzz::law(entry.value.find('\n') == std::string::npos, "a value is one line");
  }
  const auto url = config::parse_database_url(text);
  if (!url) return 0;
  const auto again = config::parse_database_url(config::to_url(*url));
  fuzz::law(again.has_value(), "a URL that was read can be read again");
  fuzz::law(again->user == url->user && again->password == url->password &&
                again->database == url->database && config::to_url(*again) == config::to_url(*url) &&
                again->parameters == url->parameters,
            "the parts of a URL come back");
  config::DatabaseUrl other = *url;
  if (other.password) {
    other.password = "another-secret-" + *other.password;
    fuzz::law(config::masked_url(other) == config::masked_url(*url),
              "the masked URL does not depend on the password");
  }
  return 0;
}
