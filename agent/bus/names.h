// Names of the node on the bus: the service, its instances, the object and its interfaces. The digit at the
// end is the version of all of them; signatures behind it never change, options and keys are added.
#pragma once

#include <string>

namespace syncnode::bus {

inline constexpr const char* kSharedName = "org.openwebui.SyncNode1";
inline constexpr const char* kObjectPath = "/org/openwebui/SyncNode1";
inline constexpr const char* kLeaderInterface = "org.openwebui.SyncNode1.Leader";
inline constexpr const char* kSyncInterface = "org.openwebui.SyncNode1.Sync";
inline constexpr const char* kStateInterface = "org.openwebui.SyncNode1.State";
inline constexpr const char* kConflictsInterface = "org.openwebui.SyncNode1.Conflicts";
inline constexpr const char* kNodeInterface = "org.openwebui.SyncNode1.Node";

// "org.openwebui.SyncNode1.a"
inline std::string instance_name(char node) {
  return std::string(kSharedName) + '.' + node;
}

}  // namespace syncnode::bus
