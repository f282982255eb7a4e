// PrivatePooler: a PgBouncer of one's own in front of a private PostgreSQL, on a unix socket in its own
// directory. Ends with its object. Throws std::runtime_error (tests only).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace syncnode::test {

class PrivatePooler {
 public:
  // `mode` is "session" or "transaction"; `users` are URLs whose user and password the pooler may use.
  // `forced_user` makes it log in as that user whoever asks; `size` server connections for each user.
  PrivatePooler(const std::string& mode, const std::vector<std::string>& users,
                const std::string& forced_user = "", int size = 4);
  ~PrivatePooler();
  PrivatePooler(const PrivatePooler&) = delete;
  PrivatePooler& operator=(const PrivatePooler&) = delete;

  // The URL of the same user through the pooler.
  std::string url(const std::string& direct_url) const;

 private:
  void wait_until_ready(int notify_fd);

  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace syncnode::test
