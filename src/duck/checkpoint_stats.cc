#include "duck/checkpoint_stats.h"

#include <charconv>
#include <cmath>

#include "base/clock.h"
#include "delta/json.h"

namespace tarn::duck {
namespace {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::LogicalTypeId;
using duckdb::Vector;

template <typename T>
void AppendNumber(T value, std::string* out) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out->append(text, end);
}

bool AppendFloating(double value, std::string* out) {
  if (!std::isfinite(value)) return false;
  AppendNumber(value, out);
  return true;
}

// The text of a scalar without quotes; false for kinds that statistics do not hold.
bool AppendScalar(Vector& vector, idx_t row, std::string* out, bool* quoted) {
  *quoted = false;
  switch (vector.GetType().id()) {
    case LogicalTypeId::BOOLEAN:
      *out += FlatVector::GetData<bool>(vector)[row] ? "true" : "false";
      return true;
    case LogicalTypeId::TINYINT:
      AppendNumber(FlatVector::GetData<int8_t>(vector)[row], out);
      return true;
    case LogicalTypeId::SMALLINT:
      AppendNumber(FlatVector::GetData<int16_t>(vector)[row], out);
      return true;
    case LogicalTypeId::INTEGER:
      AppendNumber(FlatVector::GetData<int32_t>(vector)[row], out);
      return true;
    case LogicalTypeId::BIGINT:
      AppendNumber(FlatVector::GetData<int64_t>(vector)[row], out);
      return true;
    case LogicalTypeId::FLOAT: {
      const float value = FlatVector::GetData<float>(vector)[row];
      if (!std::isfinite(value)) return false;
      AppendNumber(value, out);
      return true;
    }
    case LogicalTypeId::DOUBLE:
      return AppendFloating(FlatVector::GetData<double>(vector)[row], out);
    case LogicalTypeId::DECIMAL: *out += vector.GetValue(row).ToString(); return true;
    case LogicalTypeId::DATE:
      *quoted = true;
      *out += FormatDate(FlatVector::GetData<duckdb::date_t>(vector)[row].days);
      return true;
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: {
      *quoted = true;
      std::string text =
          FormatTimestampUtc(FlatVector::GetData<duckdb::timestamp_t>(vector)[row].value);
      // timestamp_ntz is wall time: no zone.
      if (vector.GetType().id() == LogicalTypeId::TIMESTAMP && !text.empty() &&
          text.back() == 'Z') {
        text.pop_back();
      }
      *out += text;
      return true;
    }
    case LogicalTypeId::VARCHAR: {
      *quoted = true;
      const auto& text = FlatVector::GetData<duckdb::string_t>(vector)[row];
      out->append(text.GetData(), text.GetSize());
      return true;
    }
    default: return false;
  }
}

}  // namespace

bool AppendStatsJson(Vector& vector, idx_t row, std::string* out) {
  if (!FlatVector::Validity(vector).RowIsValid(row)) return false;
  if (vector.GetType().id() == LogicalTypeId::STRUCT) {
    const size_t begin = out->size();
    auto& fields = duckdb::StructVector::GetEntries(vector);
    *out += '{';
    for (idx_t i = 0; i < fields.size(); ++i) {
      const size_t before = out->size();
      if (before > begin + 1) *out += ',';
      delta::AppendJsonString(duckdb::StructType::GetChildName(vector.GetType(), i), out);
      *out += ':';
      if (!AppendStatsJson(*fields[i], row, out)) out->resize(before);
    }
    *out += '}';
    return true;
  }
  std::string text;
  bool quoted = false;
  if (!AppendScalar(vector, row, &text, &quoted)) return false;
  if (quoted) {
    delta::AppendJsonString(text, out);
  } else {
    *out += text;
  }
  return true;
}

void AppendPartitionText(Vector& vector, idx_t row, std::string* out) {
  bool quoted = false;
  if (!AppendScalar(vector, row, out, &quoted)) *out += vector.GetValue(row).ToString();
}

}  // namespace tarn::duck
