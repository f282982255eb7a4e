// What has to be true before a client's file is opened for a run, and the options of that run: the client is
// registered, its file lies where it can be read safely, and this process could not write it (law L1).
// Shared by the one-shot, `sync-nodectl sync|verify` and the node. Call host::drop_to_reader() first.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "config/settings.h"
#include "sync/run.h"

namespace syncnode::oneshot {

struct ClientChoice {
  std::string client_name;
  std::optional<std::string> sqlite_path;  // instead of the registered one
  std::string container_name;              // "" or the container the caller believes the client has
  std::string application_name;            // of our connections, e.g. "sync-nodectl"
};

struct RegisteredClient {
  std::string cluster_name, container_name, sqlite_path;
};

// One short connection to PostgreSQL (at most 30 s). kNotFound means exactly: no such client.
// kFailedPrecondition for everything an operator has to put right first.
Result<RegisteredClient> find_client(const config::Settings& settings, const ClientChoice& choice);

// The run of a client that was found; looks at its file.
Result<sync::RunOptions> prepare_run(const config::Settings& settings, const ClientChoice& choice,
                                     const RegisteredClient& client);

}  // namespace syncnode::oneshot
