#include "cli/command.h"
#include "config/settings.h"

namespace syncnode::cli {

void add_admin_options(CLI::App& command, AdminOptions& options) {
  command
      .add_option("--admin-url-file", options.url_file,
                  "file with the admin's postgresql:// URL, mode 600; - reads standard input")
      ->type_name("FILE");
  command.add_option("--admin-url", options.url, "the admin's URL, without a password")->type_name("URL");
}

void add_json_flag(CLI::App& command, bool& as_json) {
  command.add_flag("--json", as_json, "one JSON document instead of text");
}

void add_client_name(CLI::App& command, std::string& name, bool required) {
  auto* option = command.add_option("NAME", name, "the client's name")->type_name("");
  option->required(required);
  option->check([](const std::string& text) {
    return config::is_client_name(text)
               ? std::string()
               : "client name '" + text + "' is not 1 to 56 letters, digits, '_' and '-'";
  });
}

}  // namespace syncnode::cli
