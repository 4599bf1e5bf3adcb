// Java's date and time patterns, and row functions that need the session's zone.
// Threads: no state. Errors: duckdb::InvalidInputException for a pattern Spark refuses.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/function_bind.h"
#include "dialect/function_zone.h"

namespace tarn::dialect {

// `each(context, zone, in, out)` per row with the session's zone.
template <class F>
duckdb::scalar_function_t EachRowWithZone(F each, bool handles_null = false) {
  return [each, handles_null](duckdb::DataChunk& args, duckdb::ExpressionState& state,
                              duckdb::Vector& result) {
    auto& context = state.GetContext();
    auto zone = SessionZone(context);
    RowLoop::Run(args, result, handles_null,
                 [&](RowIn& in, RowOut& out) { each(context, *zone, in, out); });
  };
}

// A java.time.format.DateTimeFormatter pattern as Spark takes it.
class TimePattern {
 public:
  explicit TimePattern(std::string_view pattern);

  std::string Format(int64_t local, int64_t offset, const Zone& zone, int64_t instant) const;

  struct Parsed {
    int64_t local = 0;
    std::string zone;  // empty: none in the text
  };
  // Nothing when the text does not match.
  std::optional<Parsed> Parse(std::string_view text) const;

 private:
  struct Field {
    char letter = 0;  // 0: literal
    int count = 0;
    std::string literal;
  };
  friend class TimeParser;
  bool IsNumber(size_t i) const;

  std::vector<Field> fields_;
};

// Compiled patterns are kept per thread.
std::shared_ptr<const TimePattern> CompileTimePattern(std::string_view pattern);

}  // namespace tarn::dialect
