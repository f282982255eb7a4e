#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "config/nearest_word.h"

namespace syncnode::cli {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done, 1 failed, 2 a person has to decide, 64 wrong command line, 78 wrong settings; see "
    "man";

int finish(ExitCode code) {
  return static_cast<int>(code);
}

// The list of all commands fits on a screen of 24 lines: without the blank ones, since headings stand out.
class OneScreen final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    if (app->get_parent() != nullptr) return text;
    for (size_t at = text.find("\n\n"); at != std::string::npos; at = text.find("\n\n")) text.erase(at, 1);
    return text;
  }
};

void build(CLI::App& root, Invocation& invocation) {
  root.name("sync-nodectl");
  root.formatter(std::make_shared<OneScreen>());
  root.require_subcommand(1);
  root.footer(kFooter);
  root.set_version_flag("--version", "sync-nodectl " SYNC_NODE_VERSION, "Show the version");
  root.set_help_flag("-h,--help", "Show this help");
  root.fallthrough();
  root.add_option("--env-file", invocation.env_files,
                  "read settings (DATABASE_URL, …) from FILE too; the environment wins")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->trigger_on_parse(false);
  add_status(root, invocation);
  add_leader(root, invocation);
  add_step_down(root, invocation);
  add_jobs(root, invocation);
  add_sync(root, invocation);
  add_verify(root, invocation);
  add_client(root, invocation);
  add_conflicts(root, invocation);
  add_held(root, invocation);
  add_deploy(root, invocation);
  add_deregister(root, invocation);
  add_schema(root, invocation);
  add_docker_ipv6(root, invocation);
  add_check_config(root, invocation);
  add_version(root, invocation);
}

// The deepest command that was recognised, and the first word that was not.
Error explain(CLI::App& root, const CLI::ParseError& error, int argc, char** argv) {
  CLI::App* at = &root;
  std::string path = root.get_name(), unknown;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.empty() || word[0] == '-') continue;
    auto verbs = at->get_subcommands([](CLI::App*) { return true; });
    auto found =
        std::find_if(verbs.begin(), verbs.end(), [&](CLI::App* verb) { return verb->get_name() == word; });
    if (found == verbs.end()) {
      if (!verbs.empty()) unknown = word;
      break;
    }
    at = *found;
    path += " " + word;
  }
  std::vector<std::string> words;
  for (auto* verb : at->get_subcommands([](CLI::App*) { return true; })) words.push_back(verb->get_name());
  bool incomplete = error.get_name() == "RequiredError" && !words.empty();
  Error answer{ErrorCode::kInvalidArgument, incomplete ? "a command is missing" : error.what(),
               fmt::format("{} --help", path)};
  if (unknown.empty()) return answer;
  answer.message = fmt::format("'{}' is not a command of {}", unknown, path);
  std::string near = config::nearest_word(unknown, words);
  if (!near.empty()) answer.hint = fmt::format("did you mean '{} {}'? See {} --help", path, near, path);
  return answer;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Invocation invocation;
  Console console;
  CLI::App root{"Exact, current, provable copies of live SQLite files in PostgreSQL"};
  build(root, invocation);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return root.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return finish(console.fail(explain(root, error, argc, argv), ExitCode::kUsage));
  }
  return finish(invocation.run(console));
}

}  // namespace syncnode::cli
