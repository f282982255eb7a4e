// Console: the three streams of a command and what they can show. Results go to standard output, everything
// else to standard error, so that output can be piped. Colour only on a terminal and without NO_COLOR. One
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "json/json.h"

namespace syncnode::cli {

class Console {
 public:
  Console();

  void print(std::string_view text);  // standard output, as it is
  void note(std::string_view text);   // standard error, as it is
  void print_document(const json::Json& document);

  const Look& out() const { return out_; }
  const Look& err() const { return err_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  bool can_ask() const { return in_is_terminal_ && err_is_terminal_; }
  // Call these only when can_ask().
  bool ask(std::string_view question);  // true for "y" or "yes"
  std::string ask_text(std::string_view question, const std::string& fallback);
  Result<std::string> ask_secret(std::string_view question);  // without echo; kCancelled by Ctrl-C

  // True when exactly this word was typed; call only when can_ask().
  bool ask_to_type(std::string_view word);

  // What, why and what to do next; as one JSON document on standard error when `as_json`.
  ExitCode fail(const Error& error, ExitCode code, bool as_json = false);
  ExitCode fail(const Error& error, bool as_json = false) {
    return fail(error, exit_code_of(error), as_json);
  }

 private:
  bool in_is_terminal_, err_is_terminal_;
  Look out_, err_;
};

}  // namespace syncnode::cli
