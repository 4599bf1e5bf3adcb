#include "duck/constraints.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "duck/status_exception.h"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression_binder/check_binder.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::Vector;

namespace {

std::mutex& TranslatorMutex() {
  static std::mutex mutex;
  return mutex;
}
std::function<std::string(const std::string&)>& Translator() {
  static std::function<std::string(const std::string&)> translate;
  return translate;
}

// `name` -> "name" outside of string literals.
std::string BackQuotesToDouble(const std::string& sql) {
  std::string out;
  char literal = 0;
  for (const char c : sql) {
    if (literal != 0) {
      if (c == literal) literal = 0;
      out += c;
    } else if (c == '`') {
      out += '"';
    } else {
      if (c == '\'' || c == '"') literal = c;
      out += c;
    }
  }
  return out;
}

bool HasNotNull(const delta::DataType& type);
bool HasNotNull(const std::vector<delta::StructField>& fields) {
  for (const auto& field : fields) {
    if (!field.nullable || HasNotNull(*field.type)) return true;
  }
  return false;
}
bool HasNotNull(const delta::DataType& type) {
  return type.kind == delta::TypeKind::kStruct && HasNotNull(type.fields);
}

// The SQL in a field's `delta.invariants`: {"expression":{"expression":"x > 3"}}, a string in
// metadata.
std::string InvariantOf(const delta::StructField& field) {
  const auto text = field.StringMetadata("delta.invariants");
  if (!text) return "";
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("expression")) return "";
  const auto& outer = json["expression"];
  if (outer.is_object() && outer.contains("expression") && outer["expression"].is_string()) {
    return outer["expression"].get<std::string>();
  }
  return outer.is_string() ? outer.get<std::string>() : "";
}

void CheckNotNull(const WriteTarget& target, const std::vector<delta::StructField>& fields,
                  const std::vector<std::reference_wrapper<Vector>>& vectors, idx_t count,
                  const std::string& prefix, const duckdb::ValidityMask* parent) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& field = fields[i];
    const bool nested = HasNotNull(*field.type);
    if (field.nullable && !nested) continue;
    Vector& vector = vectors[i];
    vector.Flatten(count);
    const auto& validity = duckdb::FlatVector::Validity(vector);
    if (!field.nullable && !validity.AllValid()) {
      for (idx_t row = 0; row < count; ++row) {
        if (validity.RowIsValid(row) || (parent && !parent->RowIsValid(row))) continue;
        throw duckdb::ConstraintException(
            "NOT NULL constraint of %s violated: column '%s' is NULL in a row to be written; give "
            "it a "
            "value or drop NOT NULL from the column",
            target.name, prefix + field.name);
      }
    }
    if (!nested) continue;
    std::vector<std::reference_wrapper<Vector>> children;
    for (auto& child : duckdb::StructVector::GetEntries(vector)) children.emplace_back(*child);
    CheckNotNull(target, field.type->fields, children, count, prefix + field.name + ".", &validity);
  }
}

}  // namespace

void SetExpressionTranslator(std::function<std::string(const std::string&)> translate) {
  std::lock_guard<std::mutex> guard(TranslatorMutex());
  Translator() = std::move(translate);
}

std::string TranslateExpression(const std::string& sql) {
  std::function<std::string(const std::string&)> translate;
  {
    std::lock_guard<std::mutex> guard(TranslatorMutex());
    translate = Translator();
  }
  return translate ? translate(sql) : BackQuotesToDouble(sql);
}

duckdb::ColumnList ColumnsOf(const WriteTarget& target) {
  duckdb::ColumnList columns;
  for (size_t i = 0; i < target.types.size(); ++i) {
    columns.AddColumn(duckdb::ColumnDefinition(target.schema.fields[i].name, target.types[i]));
  }
  return columns;
}

CheckConstraint ConstraintSet::Bind(duckdb::ClientContext& context, const WriteTarget& target,
                                    const std::string& name, const std::string& sql, bool stored,
                                    const duckdb::LogicalType& type) {
  CheckConstraint check;
  check.name = name;
  check.sql = sql;
  try {
    auto parsed = duckdb::Parser::ParseExpressionList(stored ? TranslateExpression(sql) : sql);
    if (parsed.size() != 1) throw duckdb::BinderException("it is not one expression");
    const duckdb::ColumnList columns = ColumnsOf(target);
    duckdb::physical_index_set_t bound_columns;
    auto binder = duckdb::Binder::CreateBinder(context);
    const std::string table = target.name.substr(target.name.rfind('.') + 1);
    duckdb::CheckBinder check_binder(*binder, context, table, columns, bound_columns);
    check_binder.target_type = type;
    check.bound = check_binder.Bind(parsed[0]);
    for (const auto column : bound_columns) check.columns.push_back(column.index);
  } catch (const std::exception& error) {
    const duckdb::ErrorData data(error);
    std::string cause = data.RawMessage();
    cause = cause.substr(0, cause.find('\n'));
    throw duckdb::NotImplementedException(
        "%s (%s) of table %s cannot be evaluated here, so the table cannot be written: %s; drop it "
        "or write with the engine that made it",
        name, sql, target.name, cause);
  }
  return check;
}

ConstraintSet::ConstraintSet(duckdb::ClientContext& context,
                             std::shared_ptr<const WriteTarget> target, const std::string& replaced)
    : target_(std::move(target)) {
  has_not_null_ = HasNotNull(target_->schema.fields);
  for (const auto& field : target_->schema.fields) {
    const std::string sql = InvariantOf(field);
    if (!sql.empty()) {
      checks_.push_back(
          Bind(context, *target_, "invariant of column '" + field.name + "'", sql, true));
    }
  }
  for (const auto& [name, sql] : target_->properties.check_constraints) {
    checks_.push_back(Bind(context, *target_, "CHECK constraint '" + name + "'", sql, true));
  }
  if (!replaced.empty()) {
    checks_.push_back(Bind(context, *target_, "the REPLACE WHERE condition", replaced, false));
  }
}

ConstraintSet::ConstraintSet(std::shared_ptr<const WriteTarget> target, CheckConstraint check)
    : target_(std::move(target)) {
  checks_.push_back(std::move(check));
}

ConstraintChecker::ConstraintChecker(duckdb::ClientContext& context, const ConstraintSet& set)
    : set_(set) {
  for (const auto& check : set.checks()) {
    executors_.push_back(duckdb::make_uniq<duckdb::ExpressionExecutor>(context, *check.bound));
  }
}

void ConstraintChecker::Fail(const CheckConstraint& check, DataChunk& rows, idx_t row) const {
  std::string values;
  for (const idx_t column : check.columns) {
    if (!values.empty()) values += ", ";
    std::string text = rows.GetValue(column, row).ToString();
    if (text.size() > 200) text = text.substr(0, 200) + "…";
    values += set_.target().schema.fields[column].name + " = " + text;
  }
  throw duckdb::ConstraintException("%s (%s) of table %s violated by a row with %s", check.name,
                                    check.sql, set_.target().name,
                                    values.empty() ? std::string("no columns in it") : values);
}

void ConstraintChecker::Check(DataChunk& rows) {
  if (rows.size() == 0) return;
  if (set_.has_not_null()) {
    std::vector<std::reference_wrapper<Vector>> vectors;
    for (size_t i = 0; i < set_.target().schema.fields.size(); ++i)
      vectors.emplace_back(rows.data[i]);
    CheckNotNull(set_.target(), set_.target().schema.fields, vectors, rows.size(), "", nullptr);
  }
  for (size_t i = 0; i < executors_.size(); ++i) {
    Vector result(duckdb::LogicalType::BOOLEAN);
    executors_[i]->ExecuteExpression(rows, result);
    duckdb::UnifiedVectorFormat format;
    result.ToUnifiedFormat(rows.size(), format);
    const auto* values = duckdb::UnifiedVectorFormat::GetData<bool>(format);
    for (idx_t row = 0; row < rows.size(); ++row) {
      const idx_t at = format.sel->get_index(row);
      if (!format.validity.RowIsValid(at) || !values[at]) Fail(set_.checks()[i], rows, row);
    }
  }
}

}  // namespace tarn::duck
