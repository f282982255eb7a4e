#include "bus/calls.h"

#include <algorithm>
#include <utility>

#include "bus/error_names.h"

namespace syncnode::bus {

sdbus::Error bus_error(const Error& error) {
  return bus_error(error_name(error.code), error);
}

sdbus::Error bus_error(const char* name, const Error& error) {
  return sdbus::Error(name, bus_text(error.to_string()));
}

Result<Calls::Id> Calls::add(sdbus::MethodCall call, const char* not_found) {
  std::string sender = call.getSender();
  const auto of_sender = std::count_if(waiting_.begin(), waiting_.end(),
                                       [&](const auto& entry) { return entry.second.sender == sender; });
  if (waiting_.size() >= kMost || static_cast<size_t>(of_sender) >= kMostOfOneSender) {
    return Error{ErrorCode::kResourceExhausted, "too many calls wait for their answer already",
                 "try again in a moment"};
  }
  waiting_.emplace(next_, Waiting{std::move(call), std::move(sender), not_found});
  return next_++;
}

sdbus::MethodCall* Calls::find(Id id) {
  const auto found = waiting_.find(id);
  return found == waiting_.end() ? nullptr : &found->second.call;
}

void Calls::answer(Id id, const Write& write) {
  auto node = waiting_.extract(id);
  if (node.empty()) return;
  const sdbus::MethodCall& call = node.mapped().call;
  try {
    auto reply = call.createReply();
    write(reply);
    reply.send();
  } catch (const sdbus::Error& error) {  // the caller must not wait for ever for what could not be written
    call.createErrorReply(
            bus_error({ErrorCode::kInternal, "the answer could not be written: " + error.getMessage(), ""}))
        .send();
  }
}

void Calls::fail(Id id, const Error& error) {
  auto node = waiting_.extract(id);
  if (node.empty()) return;
  const bool narrower = error.code == ErrorCode::kNotFound && node.mapped().not_found != nullptr;
  node.mapped()
      .call.createErrorReply(narrower ? bus_error(node.mapped().not_found, error) : bus_error(error))
      .send();
}

void Calls::fail_all(const Error& error) {
  while (!waiting_.empty()) fail(waiting_.begin()->first, error);
}

}  // namespace syncnode::bus
