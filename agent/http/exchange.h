// Exchange: one admitted request on its way to an answer. A handler reads it, asks the control, and replies
// once, now or later. Copyable: what the control holds on to is a copy of Reply, never the session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/control.h"
#include "http/answers.h"
#include "http/errors.h"
#include "http/message.h"
#include "http/request_reader.h"
#include "http/target.h"

namespace syncnode::http {

class Reply {
 public:
  Reply(std::shared_ptr<Answers> answers, std::function<void(Response)> send)
      : answers_(std::move(answers)), send_(std::move(send)) {}

  // On the loop's thread.
  void operator()(Response response) const { send_(std::move(response)); }

  // For the control: may be called from any thread; `render` runs on the loop's thread.
  template <typename T, typename Render>
  control::Done<T> when_done(Render render) const {
    return [answers = answers_, send = send_, open = Answers::open(answers_), render](Result<T> result) {
      answers->post([send, render, result = std::move(result)]() mutable {
        if (!result) return send(refusal(result.error()));
        if constexpr (std::is_void_v<T>) {
          send(render());
        } else {
          send(render(std::move(result).value()));
        }
      });
    };
  }

 private:
  std::shared_ptr<Answers> answers_;
  std::function<void(Response)> send_;
};

struct Exchange {
  control::Control& control;
  const control::Caller& caller;
  const RequestHead& head;
  const Target& target;
  const std::vector<std::string>& names;  // decoded captures of the route's pattern
  const std::string& body;
};

}  // namespace syncnode::http
