// Limits: what one connection, and all of them, may cost a node. Plain data.
#pragma once

#include <chrono>
#include <cstddef>

namespace syncnode::http {

struct Limits {
  size_t connections = 512;        // one more makes room by dropping the one that keeps us waiting longest
  size_t head_bytes = 16 << 10;    // request line and fields
  size_t body_bytes = 1 << 20;     // a value; other bodies are smaller still
  size_t bodies_bytes = 16 << 20;  // bodies of all connections together
  size_t calls = 256;              // questions the control has not answered yet …
  size_t open_calls = 16;          // … while a question that needs no token is still let in
  std::chrono::milliseconds idle{30000};     // from one answer to the next request's first byte
  std::chrono::milliseconds request{10000};  // from a request's first byte to its last
  std::chrono::milliseconds answer{10000};   // the control's time to answer
  std::chrono::milliseconds write{30000};    // the peer's time to take the answer
  std::chrono::milliseconds linger{2000};    // for the peer to read an answer before the connection closes
  std::chrono::milliseconds drain{2000};     // for running requests when the server stops
  std::chrono::milliseconds tick{250};       // how often deadlines are looked at
};

}  // namespace syncnode::http
