#include "docker/container_data.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"

namespace syncnode::docker {
namespace {

// Answers one connection with given bytes, as a Docker Engine would.
class FakeEngine {
 public:
  explicit FakeEngine(std::string answer, bool silent = false) : directory_("/tmp/sync-node-docker-XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/docker.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, path_.size());
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, answer = std::move(answer), silent] {
      UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
      char buffer[4096];
      auto got = ::recv(client.get(), buffer, sizeof buffer, 0);
      if (got > 0) request_.assign(buffer, static_cast<size_t>(got));
      if (silent)
        got = ::recv(client.get(), buffer, sizeof buffer, 0);  // until the other side gives up
      else
        ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~FakeEngine() {
    finish();
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  const std::string& path() const { return path_; }
  std::string request() {
    finish();
    return request_;
  }

 private:
  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  std::string directory_, path_, request_;
  UniqueFd listener_;
  std::thread thread_;
};

Deadline soon() {
  return deadline_in(std::chrono::seconds(10));
}

TEST(ContainerData, IsWhereTheDataMountComesFrom) {
  FakeEngine engine(
      "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
      R"({"Mounts":[{"Source":"/srv/other","Destination":"/data"},)"
      R"({"Type":"volume","Source":"/var/lib/docker/volumes/acme/_data","Destination":"/app/backend/data"}]})");
  auto path = database_of_container("openwebui-acme", soon(), engine.path());
  ASSERT_TRUE(path) << path.error().to_string();
  EXPECT_EQ(*path, "/var/lib/docker/volumes/acme/_data/webui.db");
  EXPECT_EQ(engine.request(), "GET /containers/openwebui-acme/json HTTP/1.0\r\nHost: docker\r\n\r\n");
}

TEST(ContainerData, SaysWhichContainerIsMissing) {
  FakeEngine engine("HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"No such container\"}");
  auto path = database_of_container("nobody", soon(), engine.path());
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kNotFound);
}

TEST(ContainerData, RefusesDataInsideTheContainer) {
  EXPECT_EQ(database_of_description("x", R"({"Mounts":[]})").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(database_of_description("x", "[]").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(database_of_description("x", R"({"Mounts":[1,{"Source":7}]})").error().code,
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(database_of_description("x", "{").error().code, ErrorCode::kInvalidArgument);
}

std::string with_mount(const std::string& source, const std::string& destination) {
  return R"({"Mounts":[{"Source":"/srv/other","Destination":"/"},{"Source":")" + source +
         R"(","Destination":")" + destination + R"("}]})";
}

TEST(ContainerData, TheNearestMountAboveTheDatabaseCounts) {
  const auto path = [](const char* destination) {
    return database_of_description("x", with_mount("/srv/acme", destination));
  };
  EXPECT_EQ(*path("/app/backend/data"), "/srv/acme/webui.db");
  EXPECT_EQ(*path("/app/backend/data/"), "/srv/acme/webui.db");
  EXPECT_EQ(*path("/app/backend"), "/srv/acme/data/webui.db");
  EXPECT_EQ(*path("/app/backend/data/uploads"), "/srv/other/app/backend/data/webui.db");
  EXPECT_EQ(*path("/app/backend/dat"), "/srv/other/app/backend/data/webui.db");
  EXPECT_EQ(path("/app/backend/data/webui.db").error().code, ErrorCode::kFailedPrecondition);
}

TEST(ContainerData, ALinkMayNotLeadOutOfTheMount) {
  std::string name = (std::filesystem::temp_directory_path() / "sync-node-mount-XXXXXX").string();
  const std::filesystem::path root = std::filesystem::canonical(::mkdtemp(name.data()));
  for (const char* volume : {"acme/data", "acme2"}) {
    std::filesystem::create_directories(root / volume);
    std::ofstream(root / volume / "webui.db") << volume;
  }
  std::filesystem::create_directory_symlink(root / "acme", root / "mount");
  const auto found = [&] { return database_of_description("x", with_mount(root / "mount", "/app/backend")); };
  const std::filesystem::path file = root / "acme/data/webui.db";
  EXPECT_EQ(found().value(), file) << "a link above the mount is the host's";
  std::filesystem::rename(file, root / "acme/real.db");
  std::filesystem::create_symlink("../real.db", file);
  EXPECT_EQ(found().value(), root / "acme/real.db");
  for (const std::string& target :
       {std::string("../../acme2/webui.db"), (root / "acme2/webui.db").string()}) {
    std::filesystem::remove(file);
    std::filesystem::create_symlink(target, file);
    const auto refused = found();
    ASSERT_FALSE(refused) << *refused;
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(refused.error().message.find((root / "acme2/webui.db").string()), std::string::npos);
  }
  std::filesystem::remove_all(root / "acme/data");
  std::filesystem::create_directory_symlink("../acme2", root / "acme/data");
  EXPECT_FALSE(found()) << "nor may a directory";
  std::filesystem::remove_all(root);
}

TEST(ContainerData, ContainersAreListedByTheirOwnNames) {
  FakeEngine engine(
      "HTTP/1.0 200 OK\r\n\r\n"
      R"([{"Names":["/proxy/db","/zeta"]},{"Names":["/alpha"]},{"Names":[]},{"Names":["/a b"]},{},7])");
  auto names = container_names(engine.path(), soon());
  ASSERT_TRUE(names) << names.error().to_string();
  EXPECT_EQ(*names, (std::vector<std::string>{"alpha", "zeta"}));
  EXPECT_EQ(engine.request(), "GET /containers/json?all=1 HTTP/1.0\r\nHost: docker\r\n\r\n");
}

TEST(ContainerData, NeverPutsANameIntoTheRequestThatIsNone) {
  for (const char* name : {"", "a/b", "a b", "a\r\nX: y", "-a", ".."}) {
    EXPECT_EQ(database_of_container(name, soon(), "/nonexistent").error().code, ErrorCode::kInvalidArgument)
        << name;
  }
}

TEST(ContainerData, EndsWithItsDeadline) {
  FakeEngine engine("", true);
  auto path = database_of_container("x", deadline_in(std::chrono::milliseconds(50)), engine.path());
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(ContainerData, SaysWhenThereIsNoDocker) {
  EXPECT_EQ(database_of_container("x", soon(), "/nonexistent/docker.sock").error().code,
            ErrorCode::kUnavailable);
  FakeEngine engine("SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_EQ(database_of_container("x", soon(), engine.path()).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace syncnode::docker
