#include "sqlite/journal_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

namespace syncnode::sqlite {
namespace {

constexpr uint32_t kOfDirectory = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
                                  IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr uint32_t kOfMain = IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW;
constexpr size_t kBuffer = 16 * 1024;
// A writer who never rests could be followed for ever.
constexpr size_t kMostNews = 4096;

}  // namespace

JournalWatch::JournalWatch(std::string path) : path_(std::move(path)) {
  const size_t slash = path_.rfind('/');
  directory_path_ = slash == std::string::npos ? "." : path_.substr(0, std::max<size_t>(slash, 1));
  name_ = slash == std::string::npos ? path_ : path_.substr(slash + 1);
}

bool JournalWatch::begin() {
  if (is_on()) return true;
  if (!inotify_) {
    UniqueFd made(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!made.valid()) return false;
    inotify_ = std::make_shared<const UniqueFd>(std::move(made));
  }
  directory_ = ::inotify_add_watch(inotify_->get(), directory_path_.c_str(), kOfDirectory);
  main_ = directory_ < 0 ? -1 : ::inotify_add_watch(inotify_->get(), path_.c_str(), kOfMain);
  if (main_ >= 0) return true;
  end();
  return false;
}

void JournalWatch::end() {
  for (int* watch : {&directory_, &main_}) {
    if (*watch >= 0) ::inotify_rm_watch(inotify_->get(), *watch);  // fails when it went with its file
    *watch = -1;
  }
  std::array<char, kBuffer> rest;
  while (inotify_ && ::read(inotify_->get(), rest.data(), rest.size()) > 0) continue;
}

std::vector<JournalWatch::News> JournalWatch::take() {
  std::vector<News> all;
  if (!is_on()) return all;
  alignas(inotify_event) std::array<char, kBuffer> buffer;
  for (ssize_t got = 0; (got = ::read(inotify_->get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < got;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      const auto one = news(event.wd, event.mask, event.len > 0 ? name : "");
      if (one) all.push_back(*one);
    }
    if (all.size() > kMostNews) return {News::kLost};
  }
  return all;
}

// Nothing where it is no matter.
std::optional<JournalWatch::News> JournalWatch::news(int watch, uint32_t mask, std::string_view name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) return News::kLost;
  if (watch == main_) return mask == IN_MODIFY ? News::kWritten : News::kLost;
  if (watch != directory_) return std::nullopt;  // of a watch that has ended
  if (name.empty()) return News::kLost;          // the directory itself
  if (!name.starts_with(name_)) return std::nullopt;
  const std::string_view rest = name.substr(name_.size());
  if (rest == "-journal" && mask == IN_CREATE) return News::kMade;
  if (rest == "-journal" && mask == IN_DELETE) return News::kRemoved;
  if (rest.empty() || rest == "-journal" || rest == "-wal") return News::kLost;
  return std::nullopt;
}

}  // namespace syncnode::sqlite
