#include "cli/leader_job.h"

#include <unistd.h>

#include "base/stop_signals.h"
#include "cli/database.h"
#include "cli/progress_bar.h"
#include "oneshot/client_run.h"
#include "oneshot/followed_job.h"

namespace syncnode::cli {
namespace {

// A DATABASE_URL may be of another project than the nodes of this host; then they know another client by this
// name. Its database tells the cluster, unless the settings do.
bool is_of_its_cluster(Node& node, const LeaderJob& wanted, config::Settings settings) {
  if (settings.cluster_name.empty() && !settings.database_url.empty()) {
    const auto client =
        oneshot::find_client(settings, {wanted.request.client_name, std::nullopt, "", "sync-nodectl"});
    if (!client) return false;  // the run without a node says why, ignoring
    settings.cluster_name = client->cluster_name;
  }
  return serves(node, settings);
}

ExitCode run(const LeaderJob& wanted, Node& node, Console& console) {
  // From here on Ctrl-C means: stop watching.
  StopSignals signals;
  auto job_id = node.trigger(wanted.request);
  if (!job_id) return console.fail(job_id.error(), exit_code_of_asking(job_id.error()), wanted.as_json);
  auto job = [&] {
    ProgressBar progress(STDERR_FILENO, console.err_is_terminal(), console.err(), LogLevel::kWarning);
    return oneshot::follow_job(
        *job_id, [&] { return node.job(*job_id); }, progress, signals.token());
  }();
  if (!job) return console.fail(job.error(), exit_code_of_asking(job.error()), wanted.as_json);
  return wanted.show(*job, console);
}

}  // namespace

std::optional<ExitCode> done_by_leader(const LeaderJob& wanted, const Invocation& invocation,
                                       Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, wanted.as_json);
  auto node = reach_node(wanted.node, *settings);
  if (!node) {
    if (!wanted.node.is_chosen() && node.error().code == ErrorCode::kUnavailable) return std::nullopt;
    return console.fail(node.error(), exit_code_of_asking(node.error()), wanted.as_json);
  }
  if (!wanted.node.is_chosen()) {
    const auto health = (*node)->health();
    if (!health || !health->leadership.is_leader) return std::nullopt;
    if (!is_of_its_cluster(**node, wanted, *settings)) return std::nullopt;
  }
  return run(wanted, **node, console);
}

}  // namespace syncnode::cli
