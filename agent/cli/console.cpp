#include "cli/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

Look look_of(int fd) {
  if (::isatty(fd) == 0) return {};
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  winsize size{};
  bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return {(no_color == nullptr || *no_color == '\0') && term != nullptr && std::string_view(term) != "dumb",
          known ? size.ws_col : size_t{80}};
}

// Error texts may quote foreign names: every line is made harmless, the line breaks of a list stay.
std::string harmless(std::string_view text) {
  std::string shown;
  while (true) {
    auto end = text.find('\n');
    shown += printable(text.substr(0, end));
    if (end == std::string_view::npos) return shown;
    shown += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Console::Console()
    : in_is_terminal_(::isatty(STDIN_FILENO) != 0),
      err_is_terminal_(::isatty(STDERR_FILENO) != 0),
      out_(look_of(STDOUT_FILENO)),
      err_(look_of(STDERR_FILENO)) {}

void Console::print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::note(std::string_view text) {
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Console::print_document(const json::Json& document) {
  print(json::to_pretty_text(document));
}

bool Console::ask(std::string_view question) {
  note(fmt::format("{} [y/N] ", question));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "YES";
}

bool Console::ask_to_type(std::string_view word) {
  note(fmt::format("type {} to go on: ", word));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == word;
}

std::string Console::ask_text(std::string_view question, const std::string& fallback) {
  note(fallback.empty() ? fmt::format("{}: ", question) : fmt::format("{} [{}]: ", question, fallback));
  std::string answer;
  std::getline(std::cin, answer);
  return answer.empty() ? fallback : answer;
}

Result<std::string> Console::ask_secret(std::string_view question) {
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0)
    return Error{ErrorCode::kUnavailable, "the terminal cannot hide what is typed",
                 "give the password in a file"};
  // Ctrl-C arrives as a character that ends the line: killed by it, we would leave a terminal without echo.
  constexpr char kCtrlC = '\x03';
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
  silent.c_cc[VEOL] = kCtrlC;
  // Silent before it asks: an answer that is quicker would be shown, and then thrown away with what was
  // typed before.
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  note(fmt::format("{}: ", question));
  std::string answer;
  char c = '\0';
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n' && c != kCtrlC) answer += c;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  note("\n");
  if (c == kCtrlC) return Error{ErrorCode::kCancelled, "nothing was changed", ""};
  return answer;
}

ExitCode Console::fail(const Error& error, ExitCode code, bool as_json) {
  if (as_json) {
    json::Json document;
    document["version"] = 1;
    document["error"] = error.message;
    document["code"] = std::string(syncnode::to_string(error.code));
    document["hint"] = error.hint;
    note(json::to_pretty_text(document));
    return code;
  }
  note(fmt::format("{} {}\n", painted(Style::kBad, "error:", err_), harmless(error.message)));
  if (!error.hint.empty())
    note(fmt::format("{} {}\n", painted(Style::kStrong, " next:", err_), harmless(error.hint)));
  return code;
}

}  // namespace syncnode::cli
