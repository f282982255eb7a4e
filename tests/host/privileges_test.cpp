// Each case gives up its privileges in a child of its own: there is no way back. Needs root.
#include "host/privileges.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>

namespace syncnode::host {
namespace {

constexpr uid_t kOwner = 47110;

class Privileges : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "this test changes users";
    std::string name = "/tmp/sync-node-host-XXXXXX";
    root_ = ::mkdtemp(name.data());
    ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
    std::filesystem::create_directory(root_ / "data");
    std::ofstream(file()) << "x";
    for (const std::string& path : {directory(), file()}) ASSERT_EQ(::chown(path.c_str(), kOwner, kOwner), 0);
    ASSERT_EQ(::chmod(directory().c_str(), 0700), 0);
    ASSERT_EQ(::chmod(file().c_str(), 0600), 0);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string directory() const { return root_ / "data"; }
  std::string file() const { return root_ / "data" / "webui.db"; }
  std::string state() const { return root_ / "state"; }

  // Runs in a child; the child says what is wrong, or "".
  static void in_child(const std::function<std::string()>& act) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const std::string problem = act();
      if (!problem.empty()) std::cerr << problem << std::endl;
      ::_exit(problem.empty() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }

  static std::string capabilities() {
    const cap_t mine = cap_get_proc();
    char* text = cap_to_text(mine, nullptr);
    std::string copy = text;
    cap_free(text);
    cap_free(mine);
    return copy;
  }
  static void drop(cap_value_t capability) {
    const cap_t mine = cap_get_proc();
    for (const cap_flag_t flag : {CAP_EFFECTIVE, CAP_PERMITTED})
      cap_set_flag(mine, flag, 1, &capability, CAP_CLEAR);
    cap_set_proc(mine);
    cap_free(mine);
  }

  std::filesystem::path root_;
};

TEST_F(Privileges, RootBecomesAReaderThatReachesTheFileAndCannotWriteIt) {
  in_child([this]() -> std::string {
    if (check_cannot_write(file())) return "root was thought unable to write";
    if (auto dropped = drop_to_reader(state()); !dropped) return dropped.error().to_string();
    uid_t real = 0, effective = 0, saved = 0;
    ::getresuid(&real, &effective, &saved);
    if (real == 0 || effective == 0 || saved == 0) return "still root";
    if (::getgroups(0, nullptr) != 0) return "still in groups";
    if (capabilities() != "cap_dac_read_search=ep") return "capabilities: " + capabilities();
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "may gain privileges";
    if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return "may dump core";
    if (::setresuid(0, 0, 0) == 0) return "became root again";
    if (auto checked = check_cannot_write(file()); !checked) return checked.error().to_string();
    if (!std::ifstream(file()).good()) return "cannot read the file";
    if (std::ofstream(file(), std::ios::app).good()) return "could write the file";
    std::ofstream(state() + "/memory.db") << "x";
    return std::filesystem::exists(state() + "/memory.db") ? "" : "cannot use the state directory";
  });
}

TEST_F(Privileges, WorksWithoutChownWhereTheStateDirectoryFits) {
  in_child([this]() -> std::string {
    const passwd* reader = ::getpwnam("sync-node") ? ::getpwnam("sync-node") : ::getpwnam("nobody");
    std::filesystem::create_directory(state());
    if (::chown(state().c_str(), reader->pw_uid, reader->pw_gid) != 0) return "chown failed";
    drop(CAP_CHOWN);
    auto dropped = drop_to_reader(state());
    return dropped ? "" : dropped.error().to_string();
  });
  in_child([this]() -> std::string {
    drop(CAP_CHOWN);
    auto dropped = drop_to_reader(state() + "2");
    if (dropped) return "gave the directory away without CAP_CHOWN";
    if (std::filesystem::exists(state() + "2")) return "left a directory of root's behind";
    return dropped.error().hint.find("CAP_CHOWN") != std::string::npos ? "" : dropped.error().to_string();
  });
}

TEST_F(Privileges, SaysWhatIsMissing) {
  in_child([this]() -> std::string {
    drop(CAP_SETUID);
    auto dropped = drop_to_reader(state());
    if (dropped) return "dropped root without CAP_SETUID";
    return dropped.error().message.find("CAP_SETUID") != std::string::npos ? "" : dropped.error().to_string();
  });
  in_child([this]() -> std::string {
    std::filesystem::create_directory(state() + "3");  // root's and in use, so of no use to the reader
    std::ofstream(state() + "3/memory.db") << "x";
    auto dropped = drop_to_reader(state() + "3");
    return !dropped && dropped.error().hint.find("chown") != std::string::npos
               ? ""
               : "took a directory it cannot use";
  });
}

TEST_F(Privileges, AnEmptyStateDirectoryOfRootsIsHandedOver) {
  in_child([this]() -> std::string {
    std::filesystem::create_directory(state());
    auto dropped = drop_to_reader(state());
    return dropped ? "" : dropped.error().to_string();
  });
}

TEST_F(Privileges, TheOwnerAndWhoeverMayWriteTheDirectoryAreRefused) {
  in_child([this]() -> std::string {
    if (::chmod(file().c_str(), 0400) != 0 || ::setresuid(kOwner, kOwner, kOwner) != 0)
      return "setting up failed";
    return check_cannot_write(file()) ? "the owner was thought unable to write" : "";
  });
  in_child([this]() -> std::string {
    if (::chmod(directory().c_str(), 0777) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      return "setting up failed";
    return check_cannot_write(file()) ? "a writable directory was overlooked" : "";
  });
  in_child([this]() -> std::string {
    std::ofstream(file() + "-shm") << "x";
    if (::chmod((file() + "-shm").c_str(), 0666) != 0 || ::chmod(directory().c_str(), 0755) != 0)
      return "setting up failed";
    if (::setresuid(65534, 65534, 65534) != 0) return "setting up failed";
    return check_cannot_write(file()) ? "a writable -shm was overlooked" : "";
  });
}

}  // namespace
}  // namespace syncnode::host
