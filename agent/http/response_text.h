// A Response as bytes of HTTP/1.1, with the headers every answer has. Any thread.
#pragma once

#include <string>

#include "http/message.h"

namespace syncnode::http {

struct Framing {
  bool keep_alive = true;
  bool head_only = false;  // the request was HEAD: the length, but not the body
};

std::string to_bytes(const Response& response, Framing framing);

}  // namespace syncnode::http
