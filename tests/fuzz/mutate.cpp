// The ordinary driver of a fuzz target: every file of the corpus, then mutants of them (a second or so)
// from a fixed seed, so a failure repeats. The input under way is printed when the process dies of
// it.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "law.h"

namespace {

constexpr int kMutants = 100000;
constexpr size_t kLongest = 4096;

std::string current;

extern "C" void show_current(int signal) {
  std::fprintf(stderr, "signal %d on this input (%zu bytes, hex):\n", signal, current.size());
  for (char byte : current) std::fprintf(stderr, "%02x", static_cast<unsigned char>(byte));
  std::fprintf(stderr, "\n");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(std::string input) {
  current = std::move(input);
  // A copy of exactly this size: reading past its end is then seen by AddressSanitizer.
  const std::vector<uint8_t> bytes(current.begin(), current.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string mutant(const std::vector<std::string>& corpus, std::mt19937& random) {
  const auto pick = [&](size_t below) { return random() % below; };
  std::string input = corpus[pick(corpus.size())];
  for (size_t edits = 1 + pick(6); edits > 0; --edits) {
    const size_t at = input.empty() ? 0 : pick(input.size());
    const std::string& other = corpus[pick(corpus.size())];
    const size_t from = other.empty() ? 0 : pick(other.size());
    switch (pick(6)) {
      case 0:
        input.insert(at, 1, static_cast<char>(random()));
        break;
      case 1:
        input.erase(at, 1 + pick(4));
        break;
      case 2:
        input.insert(at, other.substr(from, 1 + pick(16)));
        break;
      case 3:
        input.resize(at);
        break;
      default:
        if (!input.empty())
          input[at] = static_cast<char>(pick(2) == 0 ? random() : input[at] ^ (1U << pick(8)));
        break;
    }
  }
  if (input.size() > kLongest) input.resize(kLongest);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]), 2;
  for (int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, show_current);
  std::vector<std::string> corpus = {""};
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (corpus.size() < 2) return std::fprintf(stderr, "no corpus in %s\n", argv[1]), 1;
  std::sort(corpus.begin(), corpus.end());
  for (const auto& input : corpus) run(input);
  std::mt19937 random(20251122);
  for (int i = 0; i < kMutants; ++i) run(mutant(corpus, random));
  return 0;
}
