#include "govern/value_order.h"

#include <charconv>

#include "base/clock.h"

namespace tarn::govern {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr int kMaxExponent = 400;  // beyond a double's range; keeps the digits short

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Exactly `count` digits at the front of `text`, taken off it.
bool TakeDigits(std::string_view* text, size_t count, int* out) {
  if (text->size() < count) return false;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit((*text)[i])) return false;
    value = value * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(count);
  *out = value;
  return true;
}

bool Take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

std::optional<int64_t> TakeDate(std::string_view* text) {
  int year = 0, month = 0, day = 0;
  if (!TakeDigits(text, 4, &year) || !Take(text, '-') || !TakeDigits(text, 2, &month) ||
      !Take(text, '-') || !TakeDigits(text, 2, &day)) {
    return std::nullopt;
  }
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month < 1 || month > 12 || day < 1) return std::nullopt;
  if (day > kDays[month - 1] + (month == 2 && leap ? 1 : 0)) return std::nullopt;
  return DaysFromCivil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
}

// "10:00[:00[.123456789]]" -> microseconds of the day.
std::optional<int64_t> TakeTime(std::string_view* text) {
  int hour = 0, minute = 0, second = 0;
  if (!TakeDigits(text, 2, &hour) || !Take(text, ':') || !TakeDigits(text, 2, &minute)) {
    return std::nullopt;
  }
  int64_t micros = 0;
  if (Take(text, ':')) {
    if (!TakeDigits(text, 2, &second)) return std::nullopt;
    if (Take(text, '.') || Take(text, ',')) {
      size_t digits = 0;
      for (int64_t scale = kMicrosPerSecond / 10; !text->empty() && IsDigit(text->front());
           ++digits) {
        micros += (text->front() - '0') * scale;
        scale /= 10;
        text->remove_prefix(1);
      }
      if (digits == 0 || digits > 9) return std::nullopt;
    }
  }
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return micros + (hour * 3600LL + minute * 60LL + second) * kMicrosPerSecond;
}

// "Z", "+02:00", "-0530", "+02" -> microseconds east of UTC; the whole rest must be one.
std::optional<int64_t> ParseZone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool east = !text.empty() && text.front() == '+';
  if (!east && (text.empty() || text.front() != '-')) return std::nullopt;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!TakeDigits(&text, 2, &hours)) return std::nullopt;
  if (!text.empty()) {
    Take(&text, ':');
    if (!TakeDigits(&text, 2, &minutes) || !text.empty()) return std::nullopt;
  }
  if (hours > 18 || minutes > 59) return std::nullopt;
  return (east ? 1 : -1) * (hours * 3600LL + minutes * 60LL) * kMicrosPerSecond;
}

Ordered FromMicros(int64_t micros) {
  Ordered out;
  out.negative = micros < 0;
  // The magnitude of INT64_MIN does not fit an int64.
  const uint64_t magnitude =
      micros < 0 ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  if (magnitude != 0) out.whole = std::to_string(magnitude);
  return out;
}

// "-12.50e3" -> sign and digits on either side of the point.
std::optional<Ordered> ParseNumber(std::string_view text) {
  Ordered out;
  out.negative = Take(&text, '-');
  if (!out.negative) Take(&text, '+');
  std::string whole, fraction;
  while (!text.empty() && IsDigit(text.front())) {
    whole += text.front();
    text.remove_prefix(1);
  }
  if (Take(&text, '.')) {
    while (!text.empty() && IsDigit(text.front())) {
      fraction += text.front();
      text.remove_prefix(1);
    }
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  int exponent = 0;
  if (Take(&text, 'e') || Take(&text, 'E')) {
    Take(&text, '+');
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    text = {};
    if (exponent > kMaxExponent || exponent < -kMaxExponent) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  for (; exponent > 0; --exponent) {
    whole += fraction.empty() ? '0' : fraction.front();
    if (!fraction.empty()) fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
    if (!whole.empty()) whole.pop_back();
  }
  whole.erase(0, whole.find_first_not_of('0'));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  out.whole = std::move(whole);
  out.fraction = std::move(fraction);
  if (out.whole.empty() && out.fraction.empty()) out.negative = false;
  return out;
}

}  // namespace

std::strong_ordering Ordered::operator<=>(const Ordered& other) const {
  if (negative != other.negative) {
    return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  std::strong_ordering magnitude = whole.size() <=> other.whole.size();
  if (magnitude == 0) magnitude = whole.compare(other.whole) <=> 0;
  // Fractions compare like text once the shorter is thought to end in zeros.
  if (magnitude == 0) magnitude = fraction.compare(other.fraction) <=> 0;
  return negative ? 0 <=> magnitude : magnitude;
}

std::optional<int64_t> ParseDate(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days || !text.empty()) return std::nullopt;
  return days;
}

std::optional<IsoTime> ParseIsoTime(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days) return std::nullopt;
  IsoTime out{*days * kMicrosPerDay, false};
  if (text.empty()) return out;
  if (!Take(&text, 'T') && !Take(&text, 't') && !Take(&text, ' ')) return std::nullopt;
  const auto time = TakeTime(&text);
  if (!time) return std::nullopt;
  out.micros += *time;
  if (text.empty()) return out;
  const auto zone = ParseZone(text);
  if (!zone) return std::nullopt;
  out.has_zone = true;
  out.micros -= *zone;
  return out;
}

std::optional<Ordered> OrderedValue(const Field& field, std::string_view text) {
  switch (field.type) {
    case FieldType::kInteger:
    case FieldType::kDouble:
    case FieldType::kDecimal: return ParseNumber(text);
    case FieldType::kDate: {
      const auto days = ParseDate(text);
      if (!days) return std::nullopt;
      return FromMicros(*days * kMicrosPerDay);
    }
    case FieldType::kTimestamp:
    case FieldType::kTimestampNtz: {
      const auto time = ParseIsoTime(text);
      if (!time) return std::nullopt;
      return FromMicros(time->micros);
    }
    default: return std::nullopt;
  }
}

}  // namespace tarn::govern
