#include "duck/computed_columns.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "duck/status_exception.h"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder/constant_binder.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::Vector;

namespace {

constexpr char kExpression[] = "delta.generationExpression";
constexpr char kStart[] = "delta.identity.start";
constexpr char kStep[] = "delta.identity.step";
constexpr char kMark[] = "delta.identity.highWaterMark";
constexpr char kExplicit[] = "delta.identity.allowExplicitInsert";
constexpr char kDefault[] = "CURRENT_DEFAULT";

std::optional<int64_t> NumberOf(const delta::StructField& field, const char* key) {
  const auto found = field.metadata.find(key);
  if (found == field.metadata.end()) return std::nullopt;
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (!json.is_number_integer()) {
    ThrowStatus(Status::Corruption("column " + field.name + ": " + key + " is not a whole number"));
  }
  return json.get<int64_t>();
}

// The first multiple of step beyond the mark.
uint64_t FirstMultiple(const IdentityColumn& column) {
  if (!column.high_water_mark) return 0;
  const __int128 distance = static_cast<__int128>(*column.high_water_mark) - column.start;
  const __int128 step = column.step;
  if ((distance < 0) != (step < 0) && distance != 0) return 0;
  return static_cast<uint64_t>(distance / step) + 1;
}

}  // namespace

bool IsGenerated(const delta::StructField& field) { return field.metadata.count(kExpression) != 0; }
bool IsIdentity(const delta::StructField& field) { return field.metadata.count(kStart) != 0; }

std::optional<IdentityColumn> IdentityOf(const delta::StructField& field, idx_t position) {
  const auto start = NumberOf(field, kStart);
  if (!start) return std::nullopt;
  IdentityColumn out;
  out.column = position;
  out.start = *start;
  out.step = NumberOf(field, kStep).value_or(1);
  out.high_water_mark = NumberOf(field, kMark);
  const auto allowed = field.metadata.find(kExplicit);
  out.allow_explicit = allowed != field.metadata.end() && allowed->second == "true";
  if (out.step == 0) {
    ThrowStatus(Status::Corruption("column " + field.name + ": its identity has step 0"));
  }
  return out;
}

IdentityNumbers::IdentityNumbers(std::string table, std::string name, const IdentityColumn& column)
    : table_(std::move(table)),
      name_(std::move(name)),
      column_(column),
      next_(FirstMultiple(column)) {}

int64_t IdentityNumbers::Take(uint64_t count) {
  std::lock_guard<std::mutex> guard(mutex_);
  const __int128 step = column_.step;
  const __int128 first = column_.start + step * next_;
  const __int128 last = first + step * (count - 1);
  if (std::min(first, last) < std::numeric_limits<int64_t>::min() ||
      std::max(first, last) > std::numeric_limits<int64_t>::max()) {
    throw duckdb::OutOfRangeException(
        "identity column '%s' of table %s has no numbers left for %llu more rows; nothing was "
        "written",
        name_, table_, static_cast<unsigned long long>(count));
  }
  next_ += count;
  taken_ = true;
  return static_cast<int64_t>(first);
}

std::optional<int64_t> IdentityNumbers::high_water_mark() const {
  if (!taken_) return std::nullopt;
  return static_cast<int64_t>(column_.start + static_cast<__int128>(column_.step) * (next_ - 1));
}

ComputedColumns::ComputedColumns(duckdb::ClientContext& context,
                                 std::shared_ptr<const WriteTarget> target)
    : target_(std::move(target)) {
  const auto& fields = target_->schema.fields;
  for (idx_t i = 0; i < fields.size(); ++i) {
    if (const auto text = fields[i].StringMetadata(kExpression)) {
      generated_.push_back(
          {i, ConstraintSet::Bind(context, *target_, "generated column '" + fields[i].name + "'",
                                  *text, true, target_->types[i])});
    }
    if (const auto identity = IdentityOf(fields[i], i)) {
      identities_.push_back(*identity);
      numbers_.push_back(
          std::make_unique<IdentityNumbers>(target_->name, fields[i].name, *identity));
    }
  }
}

std::optional<delta::Schema> ComputedColumns::WithNewMarks() const {
  std::optional<delta::Schema> out;
  for (size_t i = 0; i < identities_.size(); ++i) {
    const auto mark = numbers_[i]->high_water_mark();
    if (!mark) continue;
    if (!out) out = target_->schema;
    out->fields[identities_[i].column].metadata[kMark] = std::to_string(*mark);
  }
  return out;
}

ColumnFiller::ColumnFiller(duckdb::ClientContext& context, const ComputedColumns& columns)
    : columns_(columns) {
  for (const auto& generated : columns.generated()) {
    executors_.push_back(
        duckdb::make_uniq<duckdb::ExpressionExecutor>(context, *generated.expression.bound));
  }
}

DataChunk& ColumnFiller::Fill(DataChunk& rows, bool inserted) {
  filled_.Destroy();
  filled_.InitializeEmpty(rows.GetTypes());
  filled_.Reference(rows);
  if (inserted) {
    for (size_t i = 0; i < columns_.identities().size(); ++i) Number(i, filled_);
  }
  for (size_t i = 0; i < columns_.generated().size(); ++i) Generate(i, filled_);
  return filled_;
}

void ColumnFiller::Number(size_t identity, DataChunk& rows) {
  const IdentityColumn& column = columns_.identities()[identity];
  const idx_t count = rows.size();
  duckdb::UnifiedVectorFormat given;
  rows.data[column.column].ToUnifiedFormat(count, given);
  const auto* values = duckdb::UnifiedVectorFormat::GetData<int64_t>(given);
  uint64_t missing = 0;
  for (idx_t i = 0; i < count; ++i) {
    if (!given.validity.RowIsValid(given.sel->get_index(i))) ++missing;
  }
  if (missing < count && !column.allow_explicit) {
    throw duckdb::ConstraintException(
        "column '%s' of table %s is GENERATED ALWAYS AS IDENTITY and takes no values of its own; "
        "leave it out of the statement",
        columns_.target().schema.fields[column.column].name, columns_.target().name);
  }
  if (missing == 0) return;
  int64_t next = columns_.numbers(identity).Take(missing);
  Vector numbers(LogicalType::BIGINT, count);
  auto* out = FlatVector::GetData<int64_t>(numbers);
  uint64_t left = missing;
  for (idx_t i = 0; i < count; ++i) {
    const idx_t at = given.sel->get_index(i);
    if (given.validity.RowIsValid(at)) {
      out[i] = values[at];
    } else {
      out[i] = next;
      if (--left > 0) next += column.step;  // one more could overflow
    }
  }
  rows.data[column.column].Reference(numbers);
}

void ColumnFiller::Generate(size_t generated, DataChunk& rows) {
  const GeneratedColumn& column = columns_.generated()[generated];
  const idx_t count = rows.size();
  const WriteTarget& target = columns_.target();
  Vector values(target.types[column.column], count);
  executors_[generated]->ExecuteExpression(rows, values);
  Vector& given = rows.data[column.column];
  duckdb::SelectionVector differs(count);
  const idx_t others =
      duckdb::VectorOperations::DistinctFrom(given, values, nullptr, count, &differs, nullptr);
  for (idx_t i = 0; i < others; ++i) {
    const idx_t row = differs.get_index(i);
    const auto value = given.GetValue(row);
    if (value.IsNull()) continue;
    throw duckdb::ConstraintException(
        "generated column '%s' of table %s: %s was given where %s makes %s; leave the column out "
        "of the statement",
        target.schema.fields[column.column].name, target.name, value.ToString(),
        column.expression.sql, values.GetValue(row).ToString());
  }
  // Where a value was given it is the same one.
  given.Reference(values);
}

namespace {

void CheckGenerated(const ComputedColumns& columns) {
  const WriteTarget& target = columns.target();
  for (const auto& generated : columns.generated()) {
    const auto& field = target.schema.fields[generated.column];
    if (IsIdentity(field) || field.metadata.count(kDefault) != 0) {
      throw duckdb::BinderException(
          "column '%s' of table %s is generated: it can be neither an identity nor have a DEFAULT",
          field.name, target.name);
    }
    if (generated.expression.bound->IsVolatile()) {
      throw duckdb::BinderException(
          "column '%s' of table %s cannot be generated by %s, which has another value each time",
          field.name, target.name, generated.expression.sql);
    }
    for (const auto column : generated.expression.columns) {
      if (!IsGenerated(target.schema.fields[column])) continue;
      throw duckdb::BinderException(
          "column '%s' of table %s cannot be generated from '%s', which is generated itself",
          field.name, target.name, target.schema.fields[column].name);
    }
  }
}

void CheckIdentities(const ComputedColumns& columns) {
  const WriteTarget& target = columns.target();
  for (const auto& identity : columns.identities()) {
    const auto& field = target.schema.fields[identity.column];
    const auto& partitions = target.partition_columns;
    if (field.type->kind != delta::TypeKind::kLong) {
      throw duckdb::BinderException("identity column '%s' of table %s must be a BIGINT, not %s",
                                    field.name, target.name, field.type->ToString());
    }
    if (std::find(partitions.begin(), partitions.end(), identity.column) != partitions.end()) {
      throw duckdb::BinderException("table %s cannot be partitioned by its identity column '%s'",
                                    target.name, field.name);
    }
    if (field.metadata.count(kDefault) != 0) {
      throw duckdb::BinderException(
          "column '%s' of table %s is an identity and cannot have a DEFAULT", field.name,
          target.name);
    }
  }
}

void CheckDefault(duckdb::ClientContext& context, const WriteTarget& target,
                  const delta::StructField& field, const LogicalType& type) {
  const auto text = field.StringMetadata(kDefault);
  if (!text) return;
  try {
    auto parsed = duckdb::Parser::ParseExpressionList(TranslateExpression(*text));
    if (parsed.size() != 1) throw duckdb::BinderException("it is not one expression");
    auto binder = duckdb::Binder::CreateBinder(context);
    duckdb::ConstantBinder constants(*binder, context, "DEFAULT value");
    constants.target_type = type;
    auto bound = constants.Bind(parsed[0]);
    if (bound->IsFoldable()) duckdb::ExpressionExecutor::EvaluateScalar(context, *bound);
  } catch (const std::exception& error) {
    std::string cause = duckdb::ErrorData(error).RawMessage();
    throw duckdb::BinderException("DEFAULT %s of column '%s' of table %s: %s", *text, field.name,
                                  target.name, cause.substr(0, cause.find('\n')));
  }
}

}  // namespace

void CheckColumnDefinitions(duckdb::ClientContext& context,
                            const std::shared_ptr<const WriteTarget>& target) {
  const ComputedColumns columns(context, target);
  CheckGenerated(columns);
  CheckIdentities(columns);
  for (size_t i = 0; i < target->types.size(); ++i) {
    CheckDefault(context, *target, target->schema.fields[i], target->types[i]);
  }
}

void RefuseUnreadableDefaults(const duckdb::TableCatalogEntry& table, const delta::Schema& schema) {
  for (const auto& field : schema.fields) {
    const auto text = field.StringMetadata(kDefault);
    if (!text || table.GetColumn(field.name).HasDefaultValue()) continue;
    throw duckdb::NotImplementedException(
        "the default of column '%s' of table %s cannot be evaluated here: %s; ALTER COLUMN … SET "
        "DEFAULT to another, or write with the engine that made it",
        field.name, table.name, *text);
  }
}

}  // namespace tarn::duck
