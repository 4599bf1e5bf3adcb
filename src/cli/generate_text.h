// Writing the generator's lines: fast appends, and the words the data is made of.
//
// Threads: pure functions. The word lists are fixed: changing one changes the data of every seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tarn::cli {

void AppendNumber(std::string* out, uint64_t value);
// `width` digits with leading zeros.
void AppendPadded(std::string* out, uint64_t value, int width);
void AppendHex(std::string* out, uint64_t value);
// The 8-4-4-4-12 form, version 4.
void AppendUuid(std::string* out, uint64_t high, uint64_t low);
// "2026-03-01T10:11:12.345Z"
void AppendTime(std::string* out, int64_t ms);
// "2026-03-01"
void AppendDate(std::string* out, int64_t epoch_day);
// "u_0000042"
void AppendUserId(std::string* out, uint64_t user);
// 12345 with two digits: "123.45"; with none: "12345"
void AppendAmount(std::string* out, int64_t minor, int digits);

struct PersonName {
  std::string_view full;   // UTF-8, many scripts
  std::string_view ascii;  // the local part of an address
};
struct Place {
  std::string_view country, city, phone_code, currency;
};

extern const std::span<const PersonName> kPersonNames;
extern const std::span<const Place> kPlaces;
extern const std::span<const std::string_view> kMailDomains;
extern const std::span<const std::string_view> kTiers;
extern const std::span<const std::string_view> kSegments;
extern const std::span<const std::string_view> kSearches;  // JSON-escaped where needed
extern const std::span<const std::string_view> kGarbage;   // lines that are no JSON
// ISO 4217 digits after the point.
int CurrencyDigits(std::string_view currency);

}  // namespace tarn::cli
