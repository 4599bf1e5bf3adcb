// Values of ordered types as something that compares: numbers exactly, dates and times on one axis.
// Govern-internal.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "govern/contract.h"

namespace tarn::govern {

// An exact decimal number (up to 38 digits on either side) or microseconds since the epoch.
struct Ordered {
  bool negative = false;
  // Digits without leading zeros before and trailing zeros behind the point; "" is zero.
  std::string whole, fraction;
  std::strong_ordering operator<=>(const Ordered& other) const;
  bool operator==(const Ordered& other) const = default;
};

// `text` as a value of the field's type (kInteger, kDouble, kDecimal, kDate, kTimestamp,
// kTimestampNtz); nullopt when it is none. Exponents are taken for numbers; NaN and infinities are
// not numbers here.
std::optional<Ordered> OrderedValue(const Field& field, std::string_view text);

// "2026-01-31" -> days since the epoch; nullopt unless it is a date of the proleptic Gregorian
// calendar.
std::optional<int64_t> ParseDate(std::string_view text);

struct IsoTime {
  int64_t micros = 0;  // since the epoch; a time without a zone counts as UTC
  bool has_zone = false;
};
// "2026-01-31T10:00:00.123456Z", a space for the T, +02:00, +0200 and no zone; up to nine digits of
// a second, of which six count.
std::optional<IsoTime> ParseIsoTime(std::string_view text);

}  // namespace tarn::govern
