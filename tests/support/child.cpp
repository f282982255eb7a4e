#include "support/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace syncnode::test {

Child::Child(const std::vector<std::string>& arguments, const std::string& error_file) {
  std::array<int, 2> in{}, out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (!error_file.empty())
      dup2(open(error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  in_.reset(in[1]);
  out_.reset(out[0]);
  if (pid_ < 0) throw std::runtime_error("fork");
}

Child::~Child() {
  kill_and_wait();
}

void Child::signal(int number) const {
  if (pid_ <= 0 || ::kill(pid_, number) != 0 || number != SIGSTOP) return;
  // One of its threads has to run to stop the others; until then they go on.
  int status = 0;
  ::waitpid(pid_, &status, WUNTRACED);
}

void Child::kill_and_wait() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
}

void Child::say(const std::string& line) const {
  const std::string text = line + "\n";
  if (write(in_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("the child does not listen");
}

std::string Child::line() {
  std::string text;
  char byte = 0;
  while (read(out_.get(), &byte, 1) == 1 && byte != '\n') text += byte;
  return text;
}

}  // namespace syncnode::test
