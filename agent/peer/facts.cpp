#include "peer/facts.h"

#include <charconv>

namespace syncnode::peer {
namespace {

constexpr std::string_view kEnd = " end\n";

std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find(' ', at), line.size());
    const std::string_view word = line.substr(at, end - at);
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      return word.substr(key.size() + 1);
    }
    at = end + 1;
  }
  return std::nullopt;
}

template <typename Number>
std::optional<Number> number_of(std::string_view line, std::string_view key) {
  const auto text = value_of(line, key);
  Number number = 0;
  if (!text) return std::nullopt;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

}  // namespace

std::string to_line(const NodeFacts& facts) {
  return "node_id=" + facts.node_id + " nonce=" + facts.nonce + " pid=" + std::to_string(facts.pid) +
         " api_port=" + std::to_string(facts.api_port) + " inode=" + std::to_string(facts.inode) +
         std::string(kEnd);
}

std::optional<NodeFacts> from_line(std::string_view text) {
  if (!text.ends_with(kEnd) || text.find('\n') != text.size() - 1) return std::nullopt;
  text.remove_suffix(kEnd.size());
  const auto node_id = value_of(text, "node_id");
  const auto nonce = value_of(text, "nonce");
  const auto pid = number_of<pid_t>(text, "pid");
  const auto api_port = number_of<int>(text, "api_port");
  const auto inode = number_of<uint64_t>(text, "inode");
  if (!node_id || !nonce || !pid || !api_port || !inode || *pid <= 0) return std::nullopt;
  return NodeFacts{std::string(*node_id), std::string(*nonce), *pid, *api_port, *inode};
}

}  // namespace syncnode::peer
