#include "support/private_postgres.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace syncnode::test {
namespace {

struct Child {
  pid_t pid;
  int to, from;
};

void must(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("private postgres: " + what);
}

// Standard error goes where the caller's goes unless `merge_errors`.
Child spawn(const std::vector<std::string>& arguments, bool merge_errors) {
  std::array<int, 2> in{}, out{};
  must(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0, "pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  if (merge_errors) posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  must(failed == 0, "cannot run " + arguments[0]);
  return {pid, in[1], out[0]};
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    must(written > 0, "write to child");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

PrivatePostgres::PrivatePostgres() {
  const Child child =
      spawn({SYNC_NODE_PYTHON, "-B", SYNC_NODE_SOURCE "/tests/support/private_postgres.py", "serve"}, false);
  pid_ = child.pid;
  to_ = child.to;
  from_ = child.from;
  std::istringstream words(answer());
  words >> admin_url_ >> superuser_url_ >> directory_;
}

PrivatePostgres::~PrivatePostgres() {
  close(to_);
  close(from_);
  int status = 0;
  waitpid(pid_, &status, 0);
}

PrivatePostgres& PrivatePostgres::shared() {
  static PrivatePostgres server;
  static const bool migrated = (server.apply_migrations(), true);
  static_cast<void>(migrated);
  return server;
}

std::string PrivatePostgres::answer() {
  std::string line;
  char byte = 0;
  while (read(from_, &byte, 1) == 1 && byte != '\n') line += byte;
  must(line.rfind("ok", 0) == 0, line.empty() ? "the server process ended" : line);
  return line.size() > 3 ? line.substr(3) : "";
}

std::string PrivatePostgres::ask(std::string_view line) {
  write_all(to_, std::string(line) + "\n");
  return answer();
}

void PrivatePostgres::apply_migrations() {
  ask("migrate");
}

PrivatePostgres::Cluster PrivatePostgres::create_cluster(std::string_view name) {
  Cluster cluster{std::string(name), {}, {}};
  std::istringstream words(ask("cluster " + cluster.name));
  words >> cluster.login >> cluster.url;
  return cluster;
}

std::string PrivatePostgres::psql(std::string_view url, std::string_view sql) const {
  const Child child =
      spawn({"psql", "-X", "-q", "-A", "-t", "-1", "-v", "ON_ERROR_STOP=1", "-d", std::string(url)}, true);
  write_all(child.to, sql);
  close(child.to);
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(child.from, buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<size_t>(got));
  }
  close(child.from);
  int status = 0;
  waitpid(child.pid, &status, 0);
  must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "psql: " + out);
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace syncnode::test
