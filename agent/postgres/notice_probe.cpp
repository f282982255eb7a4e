#include "postgres/notice_probe.h"

#include <system_error>
#include <utility>

#include "sql/queries.h"

namespace syncnode::postgres {

NoticeProbe::NoticeProbe(ConnectOptions options, std::string payload, Deadline deadline) {
  try {
    thread_ = std::thread([this, options = std::move(options), payload = std::move(payload), deadline] {
      send(options, payload, deadline);
    });
  } catch (const std::system_error&) {
    state_ = State::kNotSent;
  }
}

NoticeProbe::~NoticeProbe() {
  if (thread_.joinable()) thread_.join();
}

void NoticeProbe::send(const ConnectOptions& options, const std::string& payload, Deadline deadline) {
  bool sent = false;
  {
    auto sender = Connection::open(options, deadline);
    sent = sender && sender->query(sql::notice_probe, {Param::text(payload)}, deadline).has_value();
  }
  state_ = sent ? State::kSent : State::kNotSent;
}

}  // namespace syncnode::postgres
