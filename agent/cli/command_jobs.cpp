#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/jobs_page.h"
#include "cli/node_documents.h"
#include "cli/text.h"

namespace syncnode::cli {
namespace {

constexpr int64_t kSearched = 1000;  // the most a node lists
constexpr size_t kShortestId = 4, kWholeId = 36;

struct Options {
  NodeOptions node;
  std::string client, job;
  int64_t limit = 20;
  bool as_json = false;
};

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The list shows the beginnings of ids; one that fits a single job of the last ones is enough.
Result<std::string> whole_id(Node& node, const std::string& given) {
  if (given.size() >= kWholeId) return given;
  if (given.size() < kShortestId) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is too short for a job's id", given),
                 fmt::format("give at least its first {} characters", kShortestId)};
  }
  SN_ASSIGN(const auto jobs, node.jobs("", kSearched));
  std::string found;
  for (const auto& job : jobs) {
    if (!job.job_id.starts_with(given)) continue;
    if (!found.empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("several jobs begin with '{}'", given),
                   fmt::format("for example {} and {}", found, job.job_id)};
    }
    found = job.job_id;
  }
  if (!found.empty()) return found;
  return Error{ErrorCode::kNotFound, fmt::format("none of the last jobs begins with '{}'", given),
               "sync-nodectl jobs lists them"};
}

ExitCode list(const Options& options, Node& node, Console& console) {
  auto jobs = node.jobs(options.client, options.limit);
  if (!jobs) return console.fail(jobs.error(), exit_code_of_asking(jobs.error()), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["jobs"] = json::Json::array();
    for (const auto& job : *jobs) document["jobs"].push_back(job_document(job));
    console.print_document(document);
  } else if (jobs->empty()) {
    console.print(options.client.empty()
                      ? "no job has run yet\n"
                      : fmt::format("no job of client '{}' has run yet\n", options.client));
  } else {
    console.print(jobs_page(*jobs, wall_clock(), console.out()));
  }
  return ExitCode::kOk;
}

ExitCode show(const Options& options, Node& node, Console& console) {
  auto id = whole_id(node, options.job);
  if (!id) return console.fail(id.error(), exit_code_of_asking(id.error()), options.as_json);
  auto job = node.job(*id);
  if (!job) return console.fail(job.error(), exit_code_of_asking(job.error()), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["job"] = job_document(*job);
    console.print_document(document);
  } else {
    console.print(job_page(*job, wall_clock(), console.out()));
  }
  return ExitCode::kOk;
}

ExitCode cancel(const Options& options, Node& node, Console& console) {
  auto id = whole_id(node, options.job);
  if (!id) return console.fail(id.error(), exit_code_of_asking(id.error()));
  auto done = node.cancel(*id);
  if (!done) return console.fail(done.error(), exit_code_of_asking(done.error()));
  console.print(fmt::format("job {} is asked to end\n", *id));
  return ExitCode::kOk;
}

using Verb = ExitCode (*)(const Options&, Node&, Console&);

// `options` is shared by the three verbs: only one of them is parsed.
void on_parsed(CLI::App& command, Invocation& invocation, const std::shared_ptr<Options>& options,
               Verb verb) {
  command.callback([&command, &invocation, options, verb] {
    if (!command.get_subcommands().empty()) return;  // `jobs`, when it was `jobs show`
    invocation.run = [&invocation, options, verb](Console& console) {
      return with_node(options->node, invocation, console, options->as_json,
                       [&](Node& node) { return verb(*options, node, console); });
    };
  });
}

}  // namespace

void add_jobs(CLI::App& root, Invocation& invocation) {
  auto* jobs = root.add_subcommand("jobs", "List the last jobs, of all clients or of one");
  auto options = std::make_shared<Options>();
  add_client_name(*jobs, options->client, false);
  jobs->add_option("--limit", options->limit, "how many")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  add_node_options(*jobs, options->node);
  add_json_flag(*jobs, options->as_json);
  on_parsed(*jobs, invocation, options, list);

  auto* one = jobs->add_subcommand("show", "Show one job and its tables");
  one->add_option("ID", options->job, "the job's id, or its beginning")->type_name("")->required();
  add_node_options(*one, options->node);
  add_json_flag(*one, options->as_json);
  on_parsed(*one, invocation, options, show);

  auto* end = jobs->add_subcommand("cancel", "End a job that waits or runs");
  end->add_option("ID", options->job, "the job's id, or its beginning")->type_name("")->required();
  add_node_options(*end, options->node);
  on_parsed(*end, invocation, options, cancel);
}

}  // namespace syncnode::cli
