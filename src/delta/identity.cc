#include "delta/identity.h"

#include <cstdlib>
#include <optional>

namespace tarn::delta {
namespace {

constexpr char kStart[] = "delta.identity.start";
constexpr char kStep[] = "delta.identity.step";
constexpr char kMark[] = "delta.identity.highWaterMark";

std::optional<int64_t> NumberOf(const StructField& field, const char* key) {
  const auto found = field.metadata.find(key);
  if (found == field.metadata.end()) return std::nullopt;
  return std::strtoll(found->second.c_str(), nullptr, 10);
}

}  // namespace

Result<Metadata> WithIdentityMarks(Metadata older, const Schema& newest) {
  TARN_ASSIGN_OR_RETURN(Schema schema, ParseSchema(older.schema_string));
  bool changed = false;
  for (StructField& field : schema.fields) {
    const StructField* now = newest.Find(field.name);
    const auto start = NumberOf(field, kStart);
    if (now == nullptr || !start || NumberOf(*now, kStart) != start) continue;
    const auto mark = NumberOf(*now, kMark);
    if (!mark) continue;
    const auto before = NumberOf(field, kMark);
    const bool up = NumberOf(field, kStep).value_or(1) > 0;
    if (before && (up ? *before >= *mark : *before <= *mark)) continue;
    field.metadata[kMark] = std::to_string(*mark);
    changed = true;
  }
  if (changed) older.schema_string = SerializeSchema(schema);
  return older;
}

}  // namespace tarn::delta
