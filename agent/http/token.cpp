#include "http/token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace syncnode::http {
namespace {

constexpr size_t kLongestToken = 1024;
constexpr std::string_view kMakeOne = "make one: openssl rand -hex 32";

Error file_error(const std::string& path, int code) {
  const ErrorCode kind = code == ENOENT   ? ErrorCode::kNotFound
                         : code == EACCES ? ErrorCode::kPermissionDenied
                                          : ErrorCode::kUnavailable;
  return {kind, fmt::format("cannot read the token file '{}': {}", path, std::strerror(code)),
          code == ENOENT ? std::string(kMakeOne) : std::string()};
}

Status check_mode(const std::string& path, int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return file_error(path, errno);
  if (!S_ISREG(facts.st_mode)) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("the token file '{}' is no file", path), ""};
  }
  if ((facts.st_mode & S_IRWXO) == 0) return {};
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("the token file '{}' has mode {:04o}, so everybody on this host can use it", path,
                           facts.st_mode & 07777),
               fmt::format("chmod 640 '{}', then replace the token", path)};
}

bool is_token_character(char letter) {
  return letter > ' ' && letter < '\x7f' && letter != '"' && letter != ',';
}

}  // namespace

Status check_token(std::string_view token) {
  if (token.size() < kShortestToken || token.size() > kLongestToken) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("the API token has {} characters, it needs {} to {}", token.size(),
                             kShortestToken, kLongestToken),
                 std::string(kMakeOne)};
  }
  if (std::all_of(token.begin(), token.end(), is_token_character)) return {};
  return Error{ErrorCode::kFailedPrecondition, "the API token has a character that cannot stand in a header",
               std::string(kMakeOne)};
}

Result<std::string> load_token(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return file_error(path, errno);
  SN_TRY(check_mode(path, file.get()));
  std::string token(kLongestToken + 2, '\0');
  const ssize_t got = ::read(file.get(), token.data(), token.size());
  if (got < 0) return file_error(path, errno);
  token.resize(static_cast<size_t>(got));
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (auto fits = check_token(token); !fits) {
    return std::move(fits).error().with_context(fmt::format("'{}'", path));
  }
  return token;
}

bool same_secret(std::string_view given, std::string_view expected) {
  // The length is no secret; the bytes are. volatile keeps the compiler from leaving the loop early.
  volatile unsigned char difference = given.size() == expected.size() ? 0 : 1;
  for (size_t at = 0; at < expected.size(); ++at) {
    const char other = given.empty() ? '\0' : given[at % given.size()];
    difference = static_cast<unsigned char>(difference | (other ^ expected[at]));
  }
  return difference == 0 && !expected.empty();
}

}  // namespace syncnode::http
