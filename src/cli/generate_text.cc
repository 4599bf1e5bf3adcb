#include "cli/generate_text.h"

#include <charconv>

#include "base/clock.h"

namespace tarn::cli {
namespace {

constexpr PersonName kNames[] = {
    {"Ada Lovelace", "ada"},
    {"José Álvarez", "jose"},
    {"Łukasz Żak", "lukasz"},
    {"Zoë Müller", "zoe"},
    {"Søren Ødegård", "soren"},
    {"Nguyễn Thị Hà", "ha"},
    {"Владимир Соколов", "vlad"},
    {"Ελένη Παπαδοπούλου", "eleni"},
    {"田中 花子", "hanako"},
    {"김민준", "minjun"},
    {"王小明", "xiaoming"},
    {"राजेश कुमार", "rajesh"},
    {"فاطمة الزهراء", "fatima"},
    {"יעל כהן", "yael"},
    {"Çağla Yılmaz", "cagla"},
    {"O'Neil, Shaquille", "shaq"},
    {"Anna-Lena Weiß", "annalena"},
    {"Renée d'Artagnan", "renee"},
    {"ณัฐวุฒิ ใจดี", "nat"},
    {"Ọlá Adébáyọ̀", "ola"},
    {"Grace Hopper", "grace"},
    {"Dwayne \"Rock\" Doe", "rock"},
    {"Þór Jónsson", "thor"},
    {"Maria da Conceição", "maria"},
};
constexpr Place kWhere[] = {
    {"US", "Austin", "+1512", "USD"},    {"US", "New York", "+1212", "USD"},
    {"GB", "London", "+4420", "GBP"},    {"DE", "Köln", "+49221", "EUR"},
    {"FR", "Orléans", "+33238", "EUR"},  {"ES", "Málaga", "+34952", "EUR"},
    {"JP", "東京", "+813", "JPY"},       {"IN", "मुंबई", "+9122", "INR"},
    {"BR", "São Paulo", "+5511", "BRL"}, {"PL", "Łódź", "+4842", "EUR"},
};
constexpr std::string_view kDomains[] = {"example.com", "example.org", "mail.example.net",
                                         "correo.example.es"};
constexpr std::string_view kTierNames[] = {"free", "basic", "premium", "enterprise"};
constexpr std::string_view kSegmentNames[] = {"new", "casual", "loyal", "at_risk"};
constexpr std::string_view kSearchTexts[] = {
    "running shoes",
    "naïve café ☕",
    "Größe 42",
    "日本語の本",
    "\\\"quoted\\\" mug",
    "50% off",
    "c:\\\\temp",
    "emoji \\ud83d\\ude00 party",
    "a,b;c|d",
    "tab\\there",
    "кроссовки",
    "' OR 1=1 --",
};
constexpr std::string_view kGarbageLines[] = {
    "{\"event_id\":\"11111111-2222-4333-8444-555555555555\",\"user_id\":\"u_00",
    "<html><body>502 Bad Gateway</body></html>",
    "{\"event_id\":\"66666666-7777-4888-9999-000000000000\",,\"user_id\":}",
    "null,null,null",
    "{'event_id': 'single quotes are Python, not JSON'}",
    "{\"event_id\": \"not\xFFutf8\"}",
};

constexpr char kHexDigits[] = "0123456789abcdef";

}  // namespace

const std::span<const PersonName> kPersonNames = kNames;
const std::span<const Place> kPlaces = kWhere;
const std::span<const std::string_view> kMailDomains = kDomains;
const std::span<const std::string_view> kTiers = kTierNames;
const std::span<const std::string_view> kSegments = kSegmentNames;
const std::span<const std::string_view> kSearches = kSearchTexts;
const std::span<const std::string_view> kGarbage = kGarbageLines;

void AppendNumber(std::string* out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out->append(digits, end);
}

void AppendPadded(std::string* out, uint64_t value, int width) {
  char digits[20];
  for (int i = width - 1; i >= 0; --i, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out->append(digits, width);
}

void AppendHex(std::string* out, uint64_t value) {
  char digits[16];
  for (int i = 15; i >= 0; --i, value >>= 4) digits[i] = kHexDigits[value & 15];
  out->append(digits, sizeof digits);
}

void AppendUuid(std::string* out, uint64_t high, uint64_t low) {
  high = (high & ~0xF000ull) | 0x4000ull;
  low = (low & ~(3ull << 62)) | (2ull << 62);
  char text[36];
  int at = 0;
  const auto put = [&](uint64_t bits, int digits) {
    for (int i = digits - 1; i >= 0; --i) text[at++] = kHexDigits[(bits >> (4 * i)) & 15];
  };
  put(high >> 32, 8);
  text[at++] = '-';
  put(high >> 16, 4);
  text[at++] = '-';
  put(high, 4);
  text[at++] = '-';
  put(low >> 48, 4);
  text[at++] = '-';
  put(low, 12);
  out->append(text, sizeof text);
}

void AppendDate(std::string* out, int64_t epoch_day) {
  // Lines of one day follow each other; the calendar is asked once for each.
  thread_local int64_t cached_day = INT64_MIN;
  thread_local std::string cached;
  if (epoch_day != cached_day) {
    cached = FormatDate(epoch_day);
    cached_day = epoch_day;
  }
  out->append(cached);
}

void AppendTime(std::string* out, int64_t ms) {
  constexpr int64_t kDay = 86'400'000;
  AppendDate(out, ms / kDay);
  const int64_t in_day = ms % kDay;
  *out += 'T';
  AppendPadded(out, in_day / 3'600'000, 2);
  *out += ':';
  AppendPadded(out, in_day / 60'000 % 60, 2);
  *out += ':';
  AppendPadded(out, in_day / 1000 % 60, 2);
  *out += '.';
  AppendPadded(out, in_day % 1000, 3);
  *out += 'Z';
}

void AppendUserId(std::string* out, uint64_t user) {
  *out += "u_";
  AppendPadded(out, user, user < 10'000'000 ? 7 : 12);
}

void AppendAmount(std::string* out, int64_t minor, int digits) {
  if (minor < 0) {
    *out += '-';
    minor = -minor;
  }
  if (digits == 0) {
    AppendNumber(out, minor);
    return;
  }
  AppendNumber(out, minor / 100);
  *out += '.';
  AppendPadded(out, minor % 100, 2);
}

int CurrencyDigits(std::string_view currency) { return currency == "JPY" ? 0 : 2; }

}  // namespace tarn::cli
