#include "duck/stats_collect.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/clock.h"
#include "delta/json.h"
#include "delta/stats.h"
#include "delta/value.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/keyword_helper.hpp"

namespace tarn::duck {
namespace {

using delta::DataType;
using delta::TypeKind;
using LeafStats = duckdb::case_insensitive_map_t<duckdb::Value>;

constexpr size_t kTextChars = 32;

std::optional<std::string> TimestampBound(const std::string& text, bool is_max, bool utc) {
  const auto micros = delta::ParseTimestampText(text);
  if (!micros) return std::nullopt;  // infinity
  int64_t millis = *micros / 1000;
  if (*micros % 1000 != 0) {
    if (*micros < 0) --millis;
    if (is_max) ++millis;
  }
  std::string out = FormatTimestampUtc(millis * 1000);  // "….mmm000Z"
  if (out.size() < 4) return std::nullopt;
  out.resize(out.size() - 4);
  if (utc) out += 'Z';
  return out;
}

// A bound as JSON; nullopt for types without bounds and values JSON cannot hold.
std::optional<std::string> BoundJson(const DataType& type, const std::string& text, bool is_max) {
  switch (type.kind) {
    case TypeKind::kString: {
      if (!is_max) return delta::JsonQuote(delta::LowerBoundOf(text, kTextChars));
      const std::string bound = delta::UpperBoundOf(text, kTextChars);
      if (bound.empty() && !text.empty()) return std::nullopt;
      return delta::JsonQuote(bound);
    }
    case TypeKind::kLong:
    case TypeKind::kInteger:
    case TypeKind::kShort:
    case TypeKind::kByte:
    case TypeKind::kDecimal: return text;
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      const double value = std::strtod(text.c_str(), nullptr);
      if (!std::isfinite(value)) return std::nullopt;
      return text;
    }
    case TypeKind::kDate: {
      if (!delta::ParseDateText(text)) return std::nullopt;
      return delta::JsonQuote(text);
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      const auto bound = TimestampBound(text, is_max, type.kind == TypeKind::kTimestamp);
      if (!bound) return std::nullopt;
      return delta::JsonQuote(*bound);
    }
    default: return std::nullopt;
  }
}

std::optional<std::string> TextOf(const LeafStats& stats, const char* name) {
  const auto found = stats.find(name);
  if (found == stats.end() || found->second.IsNull()) return std::nullopt;
  return found->second.ToString();
}

bool IsTime(const DataType& type) {
  return type.kind == TypeKind::kDate || type.kind == TypeKind::kTimestamp ||
         type.kind == TypeKind::kTimestampNtz;
}

struct Json {
  std::string min = "{", max = "{", nulls = "{", nans = "{";
};

void AddMember(const std::string& name, const std::string& value, std::string* object) {
  if (object->size() > 1) *object += ',';
  delta::AppendJsonString(name, object);
  *object += ':';
  *object += value;
}

class Collector {
 public:
  Collector(const WriteTarget& target, const duckdb::CopyFunctionFileStatistics& written)
      : target_(target), written_(written) {}

  Json Collect() {
    Json out;
    for (const auto column : target_.file_columns) {
      const auto& field = target_.schema.fields[column];
      Visit(field, "", field.name, &out);
    }
    return out;
  }

 private:
  // `path` is DuckDB's quoted path of the parent, `logical` the field's dotted logical name.
  void Visit(const delta::StructField& field, const std::string& path, const std::string& logical,
             Json* out) {
    const std::string& name = field.PhysicalName(target_.mapped());
    const std::string own =
        (path.empty() ? "" : path + ".") + duckdb::KeywordHelper::WriteQuoted(name, '"');
    if (field.type->kind == TypeKind::kStruct) {
      Json inner;
      for (const auto& child : field.type->fields) {
        Visit(child, own, logical + "." + child.name, &inner);
      }
      if (inner.min.size() > 1) AddMember(name, inner.min + "}", &out->min);
      if (inner.max.size() > 1) AddMember(name, inner.max + "}", &out->max);
      if (inner.nulls.size() > 1) AddMember(name, inner.nulls + "}", &out->nulls);
      if (inner.nans.size() > 1) AddMember(name, inner.nans + "}", &out->nans);
      return;
    }
    ++leaves_;
    const auto found = written_.column_statistics.find(own);
    if (found == written_.column_statistics.end()) return;  // lists and maps
    if (IsTime(*field.type)) RefuseInfinity(logical, found->second);
    if (!IsIndexed(logical)) return;
    AddLeaf(name, *field.type, found->second, out);
  }

  // DuckDB has dates and timestamps at infinity; Delta and its readers have not.
  void RefuseInfinity(const std::string& column, const LeafStats& stats) const {
    for (const char* bound : {"min", "max"}) {
      const auto text = TextOf(stats, bound);
      if (!text || (*text != "infinity" && *text != "-infinity")) continue;
      throw duckdb::InvalidInputException(
          "column '%s' of table %s got the value '%s', which Delta tables cannot hold; write NULL "
          "or a date "
          "of year 1 to 9999",
          column, target_.name, *text);
    }
  }

  static void AddLeaf(const std::string& name, const DataType& type, const LeafStats& stats,
                      Json* out) {
    if (const auto nulls = TextOf(stats, "null_count")) AddMember(name, *nulls, &out->nulls);
    const auto nan = TextOf(stats, "has_nan");
    if (nan && *nan == "true") return;
    // An extension of ours: without it a reader must expect NaN above the maximum of a double.
    if (nan) AddMember(name, "0", &out->nans);
    if (const auto min = TextOf(stats, "min")) {
      if (const auto json = BoundJson(type, *min, false)) AddMember(name, *json, &out->min);
    }
    if (const auto max = TextOf(stats, "max")) {
      if (const auto json = BoundJson(type, *max, true)) AddMember(name, *json, &out->max);
    }
  }

  bool IsIndexed(const std::string& logical) const {
    const auto& chosen = target_.properties.stats_columns;
    if (chosen.empty()) {
      const int limit = target_.properties.num_indexed_columns;
      return limit < 0 || leaves_ <= limit;
    }
    return std::any_of(chosen.begin(), chosen.end(), [&](const std::string& name) {
      return duckdb::StringUtil::CIEquals(name, logical) ||
             duckdb::StringUtil::StartsWith(duckdb::StringUtil::Lower(logical),
                                            duckdb::StringUtil::Lower(name) + ".");
    });
  }

  const WriteTarget& target_;
  const duckdb::CopyFunctionFileStatistics& written_;
  int leaves_ = 0;
};

}  // namespace

std::string StatsJson(const WriteTarget& target,
                      const duckdb::CopyFunctionFileStatistics& written) {
  const Json columns = Collector(target, written).Collect();
  std::string out = "{\"numRecords\":" + std::to_string(written.row_count);
  out += ",\"minValues\":" + columns.min + "},\"maxValues\":" + columns.max + "}";
  out += ",\"nullCount\":" + columns.nulls + "}";
  if (columns.nans.size() > 1) out += ",\"nanCount\":" + columns.nans + "}";
  if (target.properties.enable_deletion_vectors) out += ",\"tightBounds\":true";
  return out + "}";
}

}  // namespace tarn::duck
