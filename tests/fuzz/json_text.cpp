// A text that a json column takes comes back as itself; a number literal is one to both functions.
#include "codec/json_text.h"

#include "codec/copy_field.h"
#include "law.h"

using namespace syncnode;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const bool number = codec::number_literal(text) != codec::NumberLiteral::kNone;
  fuzz::law(!number || codec::is_postgres_json(text), "every number literal is JSON");
  std::string field;
  if (codec::append_field(field, codec::TargetType::kJson, ValueView::of_text(text)).empty()) {
    fuzz::law(codec::is_postgres_json(text) && !number, "only JSON that is no number is taken");
    const auto back = codec::decode_field(codec::TargetType::kJson, std::string_view(field).substr(4));
    fuzz::law(back && same_value(*back, ValueView::of_text(text)), "a text comes back");
  }
  for (auto type : {codec::TargetType::kBoolean, codec::TargetType::kBigint, codec::TargetType::kDouble,
                    codec::TargetType::kNumeric, codec::TargetType::kJson}) {
    static_cast<void>(codec::decode_field(type, text));
  }
  return 0;
}
