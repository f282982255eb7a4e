#include "host/privileges.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace syncnode::host {
namespace {

using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)>;

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

Error system_error(const std::string& doing, std::string hint = "") {
  const auto code = errno == EPERM || errno == EACCES ? ErrorCode::kPermissionDenied : ErrorCode::kInternal;
  return Error{code, doing + ": " + std::strerror(errno), std::move(hint)};
}

Result<Account> reader_account() {
  for (const char* name : {"sync-node", "nobody"}) {
    std::array<char, 16384> space{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(name, &entry, space.data(), space.size(), &found);
    if (found && entry.pw_uid != 0) return Account{name, entry.pw_uid, entry.pw_gid};
  }
  return Error{ErrorCode::kFailedPrecondition, "there is neither a user 'sync-node' nor a user 'nobody'",
               "create the system user 'sync-node'"};
}

bool has_effective(cap_value_t capability) {
  const Capabilities mine(cap_get_proc(), cap_free);
  cap_flag_value_t value = CAP_CLEAR;
  return mine && cap_get_flag(mine.get(), capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

// Inheritable ones are nothing: this process starts no other, and no_new_privs comes next.
bool holds_only(cap_t mine, cap_t wanted) {
  const int difference = cap_compare(mine, wanted);
  return difference >= 0 && !CAP_DIFFERS(difference, CAP_EFFECTIVE) &&
         !CAP_DIFFERS(difference, CAP_PERMITTED);
}

Status keep_only_read_search() {
  const Capabilities mine(cap_get_proc(), cap_free);
  const Capabilities wanted(cap_init(), cap_free);
  if (!mine || !wanted) return system_error("reading capabilities");
  cap_flag_value_t permitted = CAP_CLEAR;
  cap_get_flag(mine.get(), CAP_DAC_READ_SEARCH, CAP_PERMITTED, &permitted);
  if (permitted == CAP_SET) {
    const cap_value_t kept = CAP_DAC_READ_SEARCH;
    cap_set_flag(wanted.get(), CAP_PERMITTED, 1, &kept, CAP_SET);
    cap_set_flag(wanted.get(), CAP_EFFECTIVE, 1, &kept, CAP_SET);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // systemd may have given us just that, and a filter of system calls that has no capset.
  if (holds_only(mine.get(), wanted.get())) return {};
  if (cap_set_proc(wanted.get()) != 0) return system_error("dropping capabilities");
  return {};
}

// True where the directory had to be made.
Result<bool> make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0) return true;
  if (errno == EEXIST) return false;
  return system_error("creating the state directory '" + directory + "'",
                      "create its parent directory first");
}

// Made by root for us and not used yet (mkdir, then the first run): it may be handed over.
bool unused_by_others(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != 0) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return false;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

Status make_directory_for(const std::string& directory, const Account& account) {
  SN_ASSIGN(const bool made, make_directory(directory));
  if (!made && !unused_by_others(directory)) return {};
  if (::chown(directory.c_str(), account.uid, account.gid) == 0) return {};
  Error error = system_error("giving the state directory '" + directory + "' to user '" + account.name + "'",
                             "create it as that user's beforehand, or run with CAP_CHOWN");
  if (made) ::rmdir(directory.c_str());
  return error;
}

Status become(const Account& account) {
  for (const cap_value_t needed : {CAP_SETUID, CAP_SETGID}) {
    if (has_effective(needed)) continue;
    return Error{ErrorCode::kFailedPrecondition,
                 "this is root without CAP_SETUID and CAP_SETGID: it cannot become user '" + account.name +
                     "', and root does not open a client's file",
                 "run as user '" + account.name +
                     "' with CAP_DAC_READ_SEARCH, or as root with CAP_SETUID and CAP_SETGID"};
  }
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return system_error("keeping capabilities");
  if (::setgroups(0, nullptr) != 0) return system_error("dropping groups");
  if (::setresgid(account.gid, account.gid, account.gid) != 0) return system_error("changing the group");
  if (::setresuid(account.uid, account.uid, account.uid) != 0) return system_error("changing the user");
  return {};
}

bool may_write(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// The owner of a read-only file can make it writable again.
bool owns(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_uid == ::geteuid();
}

}  // namespace

Status drop_to_reader(const std::string& state_directory) {
  if (::geteuid() == 0) {
    SN_ASSIGN(const Account account, reader_account());
    SN_TRY(make_directory_for(state_directory, account));
    SN_TRY(become(account));
  } else {
    SN_TRY(make_directory(state_directory));
  }
  SN_TRY(keep_only_read_search());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("refusing new privileges");
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (::faccessat(AT_FDCWD, state_directory.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
    return system_error(
        "using the state directory '" + state_directory + "' as uid " + std::to_string(::geteuid()),
        "give it to that user (chown -R), or name another one");
  }
  return {};
}

Status check_cannot_write(const std::string& database_path) {
  const size_t slash = database_path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : database_path.substr(0, slash + 1);
  for (const std::string& path : {database_path, database_path + "-wal", database_path + "-shm", directory}) {
    if (!may_write(path) && !owns(path)) continue;
    return Error{
        ErrorCode::kFailedPrecondition, "uid " + std::to_string(::geteuid()) + " could write '" + path + "'",
        "a client's file is opened only by a user that cannot write it: run as user 'sync-node', and "
        "see that the file's directory is not writable for everybody"};
  }
  return {};
}

}  // namespace syncnode::host
