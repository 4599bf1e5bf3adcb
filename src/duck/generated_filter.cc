#include "duck/generated_filter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "duckdb.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/common/types/date.hpp"

namespace tarn::duck {

using delta::Predicate;
using delta::PredicateKind;
using delta::StructField;
using delta::TypeKind;
using duckdb::StringUtil;

namespace {

struct Generation {
  enum Function { kDay, kYear } function = kDay;
  std::string source;
};

// The only argument in "NAME(argument TAIL)"; empty when the text has another form.
std::string ArgumentIn(const std::string& text, const std::string& name, const std::string& tail) {
  const std::string open = name + "(";
  const std::string close = tail + ")";
  if (text.size() <= open.size() + close.size() || !StringUtil::StartsWith(text, open) ||
      !StringUtil::EndsWith(text, close)) {
    return "";
  }
  std::string argument = text.substr(open.size(), text.size() - open.size() - close.size());
  StringUtil::Trim(argument);
  if (argument.size() > 2 && argument.front() == '`' && argument.back() == '`') {
    argument = argument.substr(1, argument.size() - 2);
  }
  return argument.find_first_of("()`'\" ,.") == std::string::npos ? argument : "";
}

std::optional<Generation> ParseGeneration(const StructField& field) {
  const auto written = field.StringMetadata("delta.generationExpression");
  if (!written) return std::nullopt;
  std::string text = StringUtil::Lower(*written);
  StringUtil::Trim(text);
  Generation out;
  constexpr std::pair<const char*, const char*> kDayForms[] = {
      {"cast", " as date"}, {"date", ""}, {"to_date", ""}};
  for (const auto& [name, tail] : kDayForms) {
    out.source = ArgumentIn(text, name, tail);
    if (!out.source.empty() && field.type->kind == TypeKind::kDate) return out;
  }
  out.function = Generation::kYear;
  out.source = ArgumentIn(text, "year", "");
  const bool integer =
      field.type->kind == TypeKind::kInteger || field.type->kind == TypeKind::kLong;
  return !out.source.empty() && integer ? std::optional(out) : std::nullopt;
}

// The days in which a value may lie, by whoever's clock: [first, last].
std::optional<std::pair<int64_t, int64_t>> DaysOf(const delta::Value& value, TypeKind kind) {
  if (const auto* date = std::get_if<delta::DateValue>(&value.rep())) {
    return std::pair<int64_t, int64_t>(date->days, date->days);
  }
  const auto* time = std::get_if<delta::TimestampValue>(&value.rep());
  if (time == nullptr) return std::nullopt;
  constexpr int64_t kDayMicros = 86'400'000'000LL;
  int64_t day = time->micros / kDayMicros;
  if (time->micros % kDayMicros < 0) --day;
  const int64_t slack = kind == TypeKind::kTimestamp ? 1 : 0;
  return std::pair<int64_t, int64_t>(day - slack, day + slack);
}

std::optional<delta::Value> GeneratedValue(const Generation& generation, int64_t day) {
  constexpr int64_t kYear1 = -719'162, kYear10000 = 2'932'897;
  if (day < kYear1 || day >= kYear10000) return std::nullopt;
  if (generation.function == Generation::kDay) {
    return delta::Value(delta::DateValue{static_cast<int32_t>(day)});
  }
  const auto year = duckdb::Date::ExtractYear(duckdb::date_t(static_cast<int32_t>(day)));
  return delta::Value(delta::Value::Rep(int64_t{year}));
}

class Deriver {
 public:
  Deriver(const StructField& generated, Generation generation, TypeKind source_kind,
          std::vector<Predicate>* out)
      : generated_(generated),
        generation_(std::move(generation)),
        source_kind_(source_kind),
        out_(*out) {}

  void Derive(const Predicate& predicate) {
    if (predicate.kind == PredicateKind::kAnd) {
      for (const Predicate& child : predicate.children) Derive(child);
      return;
    }
    if (predicate.column.size() != 1 || predicate.values.size() != 1 ||
        !StringUtil::CIEquals(predicate.column[0], generation_.source)) {
      return;
    }
    const auto days = DaysOf(predicate.values[0], source_kind_);
    if (!days) return;
    const bool equal = predicate.kind == PredicateKind::kEqual;
    if (equal || predicate.kind == PredicateKind::kGreater ||
        predicate.kind == PredicateKind::kGreaterEqual) {
      Add(PredicateKind::kGreaterEqual, days->first);
    }
    if (equal || predicate.kind == PredicateKind::kLess ||
        predicate.kind == PredicateKind::kLessEqual) {
      Add(PredicateKind::kLessEqual, days->second);
    }
  }

 private:
  void Add(PredicateKind kind, int64_t day) {
    if (auto value = GeneratedValue(generation_, day)) {
      out_.push_back(Predicate::Compare(kind, {generated_.name}, std::move(*value)));
    }
  }

  const StructField& generated_;
  Generation generation_;
  TypeKind source_kind_;
  std::vector<Predicate>& out_;
};

}  // namespace

std::vector<Predicate> ImpliedByGeneration(const Predicate& predicate, const delta::Schema& schema,
                                           const std::vector<std::string>& partition_columns) {
  std::vector<Predicate> out;
  for (const StructField& field : schema.fields) {
    const bool partition =
        std::any_of(partition_columns.begin(), partition_columns.end(),
                    [&](const auto& name) { return StringUtil::CIEquals(name, field.name); });
    auto generation = partition ? ParseGeneration(field) : std::nullopt;
    if (!generation) continue;
    for (const StructField& source : schema.fields) {
      if (!StringUtil::CIEquals(source.name, generation->source)) continue;
      Deriver(field, *generation, source.type->kind, &out).Derive(predicate);
      break;
    }
  }
  return out;
}

}  // namespace tarn::duck
