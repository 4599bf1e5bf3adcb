#include "delta/prune_plan.h"

#include <algorithm>
#include <charconv>

namespace tarn::delta {
namespace {

bool SortValues(std::vector<Value>* values) {
  for (const Value& value : *values) {
    if (!CompareValues(value, values->front()) || !CompareValues(value, value)) return false;
  }
  std::sort(values->begin(), values->end(), [](const Value& a, const Value& b) {
    const auto order = CompareValues(a, b);
    return order && *order < 0;
  });
  return true;
}

bool SameName(const std::string& a, const std::string& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

const StructField* FindField(const std::vector<StructField>& fields, const std::string& name) {
  for (const StructField& field : fields) {
    if (field.name == name) return &field;
  }
  for (const StructField& field : fields) {
    if (SameName(field.name, name)) return &field;
  }
  return nullptr;
}

}  // namespace

PrunePlan::PrunePlan(const Schema& schema, const std::vector<std::string>& partition_columns,
                     bool column_mapping_on, const Predicate& predicate) {
  root = Compile(schema, partition_columns, column_mapping_on, predicate);
}

Outcomes PrunePlan::Negate(Outcomes in) {
  Outcomes out = in & kCanBeNull;
  if (in & kCanBeTrue) out |= kCanBeFalse;
  if (in & kCanBeFalse) out |= kCanBeTrue;
  return out;
}

Outcomes PrunePlan::Both(Outcomes a, Outcomes b) {
  if (a == 0 || b == 0) return 0;
  Outcomes out = 0;
  if ((a & kCanBeTrue) && (b & kCanBeTrue)) out |= kCanBeTrue;
  if ((a & kCanBeFalse) || (b & kCanBeFalse)) out |= kCanBeFalse;
  if (((a & kCanBeNull) && (b & (kCanBeNull | kCanBeTrue))) ||
      ((b & kCanBeNull) && (a & kCanBeTrue))) {
    out |= kCanBeNull;
  }
  return out;
}

Verdict PrunePlan::ToVerdict(Outcomes outcomes) {
  if (!(outcomes & kCanBeTrue)) return Verdict::kNone;
  return outcomes == kCanBeTrue ? Verdict::kAll : Verdict::kSome;
}

int PrunePlan::AddColumn(const Schema& schema, const std::vector<std::string>& partition_columns,
                         bool mapping, const std::vector<std::string>& path) {
  Column column;
  const std::vector<StructField>* fields = &schema.fields;
  for (size_t i = 0; i < path.size(); ++i) {
    const StructField* field = fields == nullptr ? nullptr : FindField(*fields, path[i]);
    if (field == nullptr) return -1;
    column.path.push_back(field->PhysicalName(mapping));
    column.type = field->type;
    fields = field->type->kind == TypeKind::kStruct ? &field->type->fields : nullptr;
    if (path.size() == 1) {
      column.is_partition =
          std::any_of(partition_columns.begin(), partition_columns.end(),
                      [&](const std::string& name) { return SameName(name, field->name); });
    }
  }
  if (column.type == nullptr || !column.type->is_primitive()) return -1;
  uses_statistics = uses_statistics || !column.is_partition;
  columns.push_back(std::move(column));
  return static_cast<int>(columns.size()) - 1;
}

PrunePlan::Node PrunePlan::Compile(const Schema& schema,
                                   const std::vector<std::string>& partition_columns, bool mapping,
                                   const Predicate& predicate) {
  Node node;
  node.kind = predicate.kind;
  switch (predicate.kind) {
    case PredicateKind::kTrue:
    case PredicateKind::kFalse:
    case PredicateKind::kUnknown: return node;
    case PredicateKind::kAnd:
    case PredicateKind::kOr:
    case PredicateKind::kNot:
      for (const Predicate& child : predicate.children) {
        node.children.push_back(Compile(schema, partition_columns, mapping, child));
      }
      if (node.kind == PredicateKind::kNot && node.children.size() != 1)
        node.kind = PredicateKind::kUnknown;
      return node;
    default: break;
  }
  node.column = AddColumn(schema, partition_columns, mapping, predicate.column);
  if (node.column < 0) node.kind = PredicateKind::kUnknown;
  node.values = predicate.values;
  node.sorted = node.kind == PredicateKind::kIn && !node.values.empty() && SortValues(&node.values);
  return node;
}

ColumnFacts PrunePlan::PartitionFacts(const Column& column,
                                      const std::optional<std::string>& text) {
  const auto value = ParsePartitionValue(text, *column.type);
  return value.ok() ? ColumnFacts::Constant(*value) : ColumnFacts();
}

ColumnFacts PrunePlan::StatisticsFacts(const Column& column, std::optional<int64_t> records,
                                       std::optional<std::string_view> null_count,
                                       std::optional<std::string_view> min,
                                       std::optional<std::string_view> max,
                                       std::optional<std::string_view> nan_count) {
  ColumnFacts facts;
  if (column.type->kind == TypeKind::kVoid) facts.may_be_set = false;
  if (null_count) {
    int64_t nulls = -1;
    std::from_chars(null_count->data(), null_count->data() + null_count->size(), nulls);
    // Values between 0 and numRecords say nothing once rows were deleted by a vector.
    if (nulls == 0) facts.may_be_null = false;
    if (records && nulls == *records) facts.may_be_set = false;
  }
  if (!column.has_bounds()) return facts;
  if (min) SetMin(*min, *column.type, &facts);
  if (max) SetMax(*max, *column.type, &facts);
  facts.may_exceed_max = column.is_float() && nan_count != "0";
  return facts;
}

}  // namespace tarn::delta
