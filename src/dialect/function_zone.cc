#include "dialect/function_zone.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

constexpr int64_t kSecond = 1000000;
constexpr int64_t kDay = 86400 * kSecond;
constexpr int64_t kFirst = -62091 * kDay;  // about 1800
constexpr int64_t kLast = 193500 * kDay;   // about 2500
constexpr int64_t kCycle = 146097 * kDay;  // 400 years, after which days of the week repeat
constexpr int64_t kStep = 14 * kDay;

// Java's ZoneId.SHORT_IDS, which Spark still takes.
const std::map<std::string, std::string, std::less<>> kShortNames = {
    {"ACT", "Australia/Darwin"},
    {"AET", "Australia/Sydney"},
    {"AGT", "America/Argentina/Buenos_Aires"},
    {"ART", "Africa/Cairo"},
    {"AST", "America/Anchorage"},
    {"BET", "America/Sao_Paulo"},
    {"BST", "Asia/Dhaka"},
    {"CAT", "Africa/Harare"},
    {"CNT", "America/St_Johns"},
    {"CST", "America/Chicago"},
    {"CTT", "Asia/Shanghai"},
    {"EAT", "Africa/Addis_Ababa"},
    {"ECT", "Europe/Paris"},
    {"IET", "America/Indiana/Indianapolis"},
    {"IST", "Asia/Kolkata"},
    {"JST", "Asia/Tokyo"},
    {"MIT", "Pacific/Apia"},
    {"NET", "Asia/Yerevan"},
    {"NST", "Pacific/Auckland"},
    {"PLT", "Asia/Karachi"},
    {"PNT", "America/Phoenix"},
    {"PRT", "America/Puerto_Rico"},
    {"PST", "America/Los_Angeles"},
    {"SST", "Pacific/Guadalcanal"},
    {"VST", "Asia/Ho_Chi_Minh"},
    {"EST", "-05:00"},
    {"MST", "-07:00"},
    {"HST", "-10:00"}};

// "+5", "+05", "+0530", "+05:30", "+05:30:15"; nothing for anything else.
std::optional<int64_t> ParseOffset(std::string_view text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int64_t sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  std::string digits;
  size_t first_group = text.find(':');
  if (first_group == 1) digits = "0";
  for (char c : text) {
    if (c == ':') continue;
    if (c < '0' || c > '9') return std::nullopt;
    digits += c;
  }
  if (digits.size() == 1) digits = "0" + digits;
  if (digits.size() != 2 && digits.size() != 4 && digits.size() != 6) return std::nullopt;
  digits.resize(6, '0');
  const int64_t hours = std::stoi(digits.substr(0, 2));
  const int64_t minutes = std::stoi(digits.substr(2, 2));
  const int64_t seconds = std::stoi(digits.substr(4, 2));
  if (hours > 18 || minutes > 59 || seconds > 59) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60 + seconds) * kSecond;
}

// Asks ICU for the offsets of a zone at many instants.
class OffsetProbe {
 public:
  OffsetProbe(ClientContext& context, const std::string& zone) : context_(context) {
    FunctionBinder binder(context);
    vector<unique_ptr<Expression>> children;
    children.push_back(make_uniq<BoundConstantExpression>(Value(zone)));
    children.push_back(make_uniq<BoundReferenceExpression>(LogicalType::TIMESTAMP_TZ, 0ULL));
    ErrorData error;
    call_ = binder.BindScalarFunction(DEFAULT_SCHEMA, "timezone", std::move(children), error);
    if (!call_) error.Throw();
  }

  std::vector<int64_t> At(const std::vector<int64_t>& instants) {
    std::vector<int64_t> offsets;
    for (size_t start = 0; start < instants.size(); start += STANDARD_VECTOR_SIZE) {
      const auto count = std::min<size_t>(STANDARD_VECTOR_SIZE, instants.size() - start);
      DataChunk input;
      input.Initialize(context_, {LogicalType::TIMESTAMP_TZ}, count);
      auto data = FlatVector::GetData<int64_t>(input.data[0]);
      std::copy_n(instants.begin() + static_cast<long>(start), count, data);
      input.SetCardinality(count);
      Vector local(LogicalType::TIMESTAMP, count);
      ExpressionExecutor executor(context_, *call_);
      executor.ExecuteExpression(input, local);
      local.Flatten(count);
      auto result = FlatVector::GetData<int64_t>(local);
      for (size_t i = 0; i < count; i++) offsets.push_back(result[i] - instants[start + i]);
    }
    return offsets;
  }

 private:
  ClientContext& context_;
  unique_ptr<Expression> call_;
};

std::vector<Zone::Transition> LoadTransitions(ClientContext& context, const std::string& zone) {
  OffsetProbe probe(context, zone);
  std::vector<int64_t> instants;
  for (int64_t at = kFirst; at <= kLast; at += kStep) instants.push_back(at);
  auto offsets = probe.At(instants);
  // All changes are narrowed down together, one halving a round, down to one second.
  struct Change {
    int64_t low, high, low_offset, high_offset;
  };
  std::vector<Change> changes;
  for (size_t i = 1; i < instants.size(); i++) {
    if (offsets[i] != offsets[i - 1]) {
      changes.push_back({instants[i - 1], instants[i], offsets[i - 1], offsets[i]});
    }
  }
  for (bool open = !changes.empty(); open;) {
    open = false;
    std::vector<int64_t> middles;
    for (auto& change : changes) {
      middles.push_back(change.low + (change.high - change.low) / kSecond / 2 * kSecond);
    }
    auto found = probe.At(middles);
    for (size_t i = 0; i < changes.size(); i++) {
      auto& change = changes[i];
      if (change.high - change.low <= kSecond) continue;
      open = true;
      (found[i] == change.low_offset ? change.low : change.high) = middles[i];
    }
  }
  std::vector<Zone::Transition> transitions = {{INT64_MIN, offsets[0]}};
  for (auto& change : changes) transitions.push_back({change.high, change.high_offset});
  return transitions;
}

std::shared_ptr<const Zone> MakeZone(ClientContext& context, std::string_view given) {
  std::string name(given);
  if (auto short_name = kShortNames.find(name); short_name != kShortNames.end()) {
    name = short_name->second;
  }
  auto fixed = [&](int64_t offset) {
    return std::make_shared<const Zone>(std::string(given),
                                        std::vector<Zone::Transition>{{INT64_MIN, offset}});
  };
  if (name == "Z" || name == "UTC" || name == "GMT" || name == "UT") return fixed(0);
  std::string_view rest = name;
  for (std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      break;
    }
  }
  if (auto offset = ParseOffset(rest)) return fixed(*offset);
  if (name.empty() || !(std::isalpha(static_cast<unsigned char>(name[0])))) return nullptr;
  try {
    return std::make_shared<const Zone>(name, LoadTransitions(context, name));
  } catch (const std::exception&) {
    return nullptr;  // ICU does not know it
  }
}

}  // namespace

int64_t Zone::OffsetAt(int64_t instant) const {
  if (transitions_.size() == 1) return transitions_[0].offset;
  if (instant > kLast) instant -= (instant - kLast + kCycle - 1) / kCycle * kCycle;
  auto next = std::upper_bound(transitions_.begin() + 1, transitions_.end(), instant,
                               [](int64_t at, const Transition& t) { return at < t.from; });
  return (next - 1)->offset;
}

int64_t Zone::ToInstant(int64_t local) const {
  if (transitions_.size() == 1) return local - transitions_[0].offset;
  if (local > kLast) {
    const int64_t shift = (local - kLast + kCycle - 1) / kCycle * kCycle;
    return ToInstant(local - shift) + shift;
  }
  // The offset before any change around this local time is the earlier instant of an overlap, and
  // moves a time inside a gap forward by the gap.
  auto next = std::upper_bound(transitions_.begin() + 1, transitions_.end(), local,
                               [](int64_t at, const Transition& t) {
                                 const auto before = (&t - 1)->offset;
                                 return at < t.from + std::max(before, t.offset);
                               });
  return local - (next - 1)->offset;
}

bool Zone::IsSummer(int64_t instant) const {
  const auto here = OffsetAt(instant);
  return here > OffsetAt(instant - 182 * kDay) || here > OffsetAt(instant + 182 * kDay);
}

std::shared_ptr<const Zone> TryFindZone(ClientContext& context, std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Zone>, std::less<>> zones;
  std::lock_guard<std::mutex> lock(mutex);
  auto known = zones.find(name);
  if (known != zones.end()) return known->second;
  auto zone = MakeZone(context, name);
  // Names come from data too: do not let bad ones fill memory.
  if (zone && zones.size() < 4096) zones.emplace(std::string(name), zone);
  return zone;
}

std::shared_ptr<const Zone> FindZone(ClientContext& context, std::string_view name) {
  auto zone = TryFindZone(context, name);
  if (!zone) {
    throw InvalidInputException(
        "INVALID_TIMEZONE: '%s' is no time zone; use a region such as "
        "Europe/Berlin or an offset such as +01:00",
        std::string(name));
  }
  return zone;
}

std::string SessionZoneName(ClientContext& context) {
  Value value;
  if (context.TryGetCurrentSetting("TimeZone", value) && !value.IsNull()) return value.ToString();
  return "UTC";
}

std::shared_ptr<const Zone> SessionZone(ClientContext& context) {
  return FindZone(context, SessionZoneName(context));
}

}  // namespace tarn::dialect
