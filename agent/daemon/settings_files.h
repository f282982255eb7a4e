// Where a node's settings stand, and who is told how a reload ended. Under systemd they come as credentials:
// copies of the operator's files that only the node can read, made when it starts and never again. So a
// reload reads the operator's files themselves, which the capability to read allows. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace syncnode::daemon {

// Of a node that was given no --env-file.
struct SettingsPlaces {
  std::string credentials_directory;  // $CREDENTIALS_DIRECTORY, "" when systemd gave none
  std::string configuration_directory = "/etc/sync-node";
  std::string node;  // "a" or "b"; "" when ROLE says it
};

SettingsPlaces settings_places(const std::string& node);

// The credentials that are there: ".env", then "node-a.env", which wins.
std::vector<std::string> files_at_start(const SettingsPlaces& places);
// The operator's files behind those credentials.
std::vector<std::string> files_at_reload(const SettingsPlaces& places);

// Whoever asked for the reload and waits at the FIFO "reload-answer" in `runtime_directory`
// ($RUNTIME_DIRECTORY) reads one line: "applied", or "refused: " and why. Nothing where nobody waits.
void answer_reload(const std::string& runtime_directory, const Status& outcome);

}  // namespace syncnode::daemon
