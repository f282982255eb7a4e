// Answers: the way back from the control's thread to the loop's. Whoever holds it may post at any time, also
// after the server is gone: then the answer is dropped. Counts the questions that are still open.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace syncnode::http {

class Answers {
 public:
  using Task = std::function<void()>;
  using Post = std::function<void(Task)>;
  explicit Answers(Post post) : post_(std::move(post)) {}

  // From any thread.
  void post(Task task) {
    const std::lock_guard lock(mutex_);
    if (post_) post_(std::move(task));
  }
  // When it returns, nothing will be posted any more.
  void close() {
    const std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

  // One open question; it closes when the last copy goes, even if nobody answered.
  static std::shared_ptr<void> open(const std::shared_ptr<Answers>& answers) {
    ++answers->open_;
    return {nullptr, [answers](void*) { --answers->open_; }};
  }
  size_t open_count() const { return open_.load(); }

 private:
  std::mutex mutex_;
  Post post_;
  std::atomic<size_t> open_{0};
};

}  // namespace syncnode::http
