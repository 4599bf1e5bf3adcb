// One formatted field: what format(), str.format and '%' share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

// Widths and precisions beyond this are refused.
constexpr int64_t kWidest = 16 << 20;

struct FormatSpec {
  std::string fill = " ";
  char align = 0;  // < > ^ =
  char sign = '-';
  bool alternate = false;
  bool zero = false;
  int64_t width = 0;
  char grouping = 0;  // , or _
  int64_t precision = -1;
  char type = 0;
};

// Digits at s[*i]; -1 when there are none.
int64_t ReadFormatNumber(std::string_view s, size_t* i);
// Pads to the width; `fallback` is the alignment when the specification names none.
std::string PadField(const FormatSpec& spec, const std::string& sign, const std::string& body,
                     char fallback);
// REQUIRES: an integral, a number.
Result<std::string> FormatInteger(const FormatSpec& spec, const Value& v);
Result<std::string> FormatFloat(const FormatSpec& spec, const Value& v);

}  // namespace tarn::jinja
