#include "sync/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace syncnode::sync {
namespace {

Error spool_error(std::string_view doing) {
  auto code =
      errno == ENOSPC || errno == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kFailedPrecondition;
  return {code, std::string(doing) + " the spool: " + std::strerror(errno),
          "the state directory needs free space for what a sync ships, and must belong to the user that runs "
          "sync-node"};
}

}  // namespace

Status Spool::append(std::string_view bytes) {
  size_ += bytes.size();
  if (buffer_.empty() && memory_ > kBuffer && !fd_.valid()) buffer_.reserve(memory_);
  buffer_.append(bytes);
  return buffer_.size() < (fd_.valid() ? kBuffer : memory_) ? Status() : write_out();
}

Status Spool::write_out() {
  if (!fd_.valid()) {
    fd_.reset(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd_.valid()) return spool_error("creating");
  }
  std::string_view left = buffer_;
  while (!left.empty()) {
    ssize_t written = ::write(fd_.get(), left.data(), left.size());
    if (written < 0 && errno != EINTR) return spool_error("writing");
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
  return {};
}

Status Spool::rewind() {
  if (!reading_ && fd_.valid()) SN_TRY(write_out());
  reading_ = true;
  offset_ = 0;
  if (!fd_.valid()) return {};
  if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return spool_error("rewinding");
  return {};
}

Result<std::string_view> Spool::read(size_t limit) {
  if (!fd_.valid()) {
    const auto next = std::string_view(buffer_).substr(offset_, limit);
    offset_ += next.size();
    return next;
  }
  buffer_.resize(limit);
  while (true) {
    ssize_t got = ::read(fd_.get(), buffer_.data(), limit);
    if (got >= 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
    if (errno != EINTR) return spool_error("reading");
  }
}

Status append_record(Spool& spool, std::string_view bytes) {
  uint64_t length = bytes.size();
  char prefix[sizeof length];
  std::memcpy(prefix, &length, sizeof length);
  SN_TRY(spool.append({prefix, sizeof prefix}));
  return spool.append(bytes);
}

// At the end of the spool there is less.
Status RecordReader::need(size_t bytes) {
  if (at_hand_.size() >= bytes) return {};
  if (spool_.is_in_memory()) {
    if (!at_hand_.empty()) return {};
    SN_ASSIGN(at_hand_, spool_.read(spool_.size()));
    return {};
  }
  buffer_.erase(0, buffer_.size() - at_hand_.size());
  while (buffer_.size() < bytes) {
    SN_ASSIGN(const auto chunk, spool_.read(Spool::kBuffer));
    if (chunk.empty()) break;
    buffer_.append(chunk);
  }
  at_hand_ = buffer_;
  return {};
}

Result<bool> RecordReader::next(std::string_view& record) {
  const auto torn = [] { return Error{ErrorCode::kInternal, "a record of the spool is torn", ""}; };
  uint64_t length = 0;
  SN_TRY(need(sizeof length));
  if (at_hand_.empty()) return false;
  if (at_hand_.size() < sizeof length) return torn();
  std::memcpy(&length, at_hand_.data(), sizeof length);
  at_hand_.remove_prefix(sizeof length);
  SN_TRY(need(length));
  if (at_hand_.size() < length) return torn();
  record = at_hand_.substr(0, length);
  at_hand_.remove_prefix(length);
  return true;
}

}  // namespace syncnode::sync
