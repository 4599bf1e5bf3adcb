#include "transform/run/result_table.h"

#include <charconv>
#include <cstdlib>

#include "jinja/error.h"
#include "jinja/session.h"
#include "jinja/time_values.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::MakeFunction;
using jinja::Value;
using Found = std::optional<Value>;

class ListIterator final : public jinja::Iterator {
 public:
  explicit ListIterator(jinja::ValueList items) : items_(std::move(items)) {}
  Result<std::optional<Value>> Next(jinja::Session&) override {
    if (next_ == items_.size()) return Found();
    return Found(items_[next_++]);
  }

 private:
  jinja::ValueList items_;
  size_t next_ = 0;
};

// Things by position or by name: a row's values, a table's columns.
class MappedList : public jinja::Object {
 public:
  MappedList(std::vector<std::string> keys, jinja::ValueList values)
      : keys_(std::move(keys)), values_(std::move(values)) {}
  std::string_view TypeName() const override { return "MappedSequence"; }

  Result<std::optional<Value>> GetItem(jinja::Session&, const Value& key) override {
    if (key.kind() == jinja::Kind::kInt) {
      int64_t index = key.as_int();
      if (index < 0) index += static_cast<int64_t>(values_.size());
      if (index < 0 || index >= static_cast<int64_t>(values_.size())) return Found();
      return Found(values_[static_cast<size_t>(index)]);
    }
    return key.is_string() ? ByName(key.str()) : Found();
  }

  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "values") {
      return Found(MakeFunction(
          "values", [v = values_](CallArgs&) -> Result<Value> { return Value::Tuple(v); }));
    }
    if (name == "keys") {
      return Found(MakeFunction("keys", [k = keys_](CallArgs&) -> Result<Value> {
        jinja::ValueList list(k.begin(), k.end());
        return Value::Tuple(std::move(list));
      }));
    }
    if (name == "items") {
      return Found(MakeFunction("items", [k = keys_, v = values_](CallArgs&) -> Result<Value> {
        jinja::ValueList pairs;
        for (size_t i = 0; i < v.size(); ++i) pairs.push_back(Value::Tuple({Value(k[i]), v[i]}));
        return Value::List(std::move(pairs));
      }));
    }
    if (name == "dict") {
      return Found(MakeFunction("dict", [k = keys_, v = values_](CallArgs&) -> Result<Value> {
        auto dict = jinja::MakeRef<jinja::Dict>();
        for (size_t i = 0; i < v.size(); ++i) dict->Set(std::string_view(k[i]), v[i]);
        return Value(dict);
      }));
    }
    if (name == "get") {
      return Found(MakeFunction("get", [k = keys_, v = values_](CallArgs& args) -> Result<Value> {
        const std::string key = args.Get(0, "key").Str();
        for (size_t i = 0; i < v.size(); ++i) {
          if (k[i] == key) return v[i];
        }
        return args.Get(1, "default");
      }));
    }
    return ByName(name);
  }

  std::optional<int64_t> Length() const override { return static_cast<int64_t>(values_.size()); }
  bool Iterable() const override { return true; }
  Result<std::unique_ptr<jinja::Iterator>> Iterate(jinja::Session&) override {
    return std::unique_ptr<jinja::Iterator>(std::make_unique<ListIterator>(values_));
  }
  std::string Repr() const override { return Value::Tuple(values_).Repr(); }
  bool Truthy() const override { return !values_.empty(); }
  bool Equals(const Value& other) const override {
    if (const auto* list = other.As<MappedList>()) {
      return jinja::Equal(Value::Tuple(values_), Value::Tuple(list->values_));
    }
    return jinja::Equal(Value::Tuple(values_), other);
  }

 private:
  Found ByName(std::string_view name) const {
    for (size_t i = 0; i < values_.size(); ++i) {
      if (keys_[i] == name) return values_[i];
    }
    return std::nullopt;
  }

  std::vector<std::string> keys_;
  jinja::ValueList values_;
};

class TableColumn final : public jinja::Object {
 public:
  TableColumn(std::string name, jinja::ValueList values)
      : name_(std::move(name)), values_(std::move(values)) {}
  std::string_view TypeName() const override { return "Column"; }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "name") return Found(Value(name_));
    if (name == "values" || name == "values_distinct" || name == "values_without_nulls") {
      jinja::ValueList out;
      for (const Value& value : values_) {
        if (name == "values_without_nulls" && value.is_none()) continue;
        bool seen = false;
        for (size_t i = 0; name == "values_distinct" && !seen && i < out.size(); ++i) {
          seen = jinja::Equal(out[i], value);
        }
        if (!seen) out.push_back(value);
      }
      return Found(MakeFunction(std::string(name),
                                [out](CallArgs&) -> Result<Value> { return Value::Tuple(out); }));
    }
    return Found();
  }
  Result<std::optional<Value>> GetItem(jinja::Session&, const Value& key) override {
    if (key.kind() != jinja::Kind::kInt) return Found();
    int64_t index = key.as_int();
    if (index < 0) index += static_cast<int64_t>(values_.size());
    if (index < 0 || index >= static_cast<int64_t>(values_.size())) return Found();
    return Found(values_[static_cast<size_t>(index)]);
  }
  std::optional<int64_t> Length() const override { return static_cast<int64_t>(values_.size()); }
  bool Iterable() const override { return true; }
  Result<std::unique_ptr<jinja::Iterator>> Iterate(jinja::Session&) override {
    return std::unique_ptr<jinja::Iterator>(std::make_unique<ListIterator>(values_));
  }

 private:
  std::string name_;
  jinja::ValueList values_;
};

jinja::ValueList RowObjects(const ResultTable& table) {
  jinja::ValueList rows;
  for (const auto& row : table.rows()) {
    rows.push_back(Value(jinja::MakeRef<MappedList>(table.names(), row)));
  }
  return rows;
}

jinja::ValueList ColumnObjects(const ResultTable& table) {
  jinja::ValueList columns;
  for (size_t i = 0; i < table.names().size(); ++i) {
    jinja::ValueList values;
    for (const auto& row : table.rows()) values.push_back(row[i]);
    columns.push_back(Value(jinja::MakeRef<TableColumn>(table.names()[i], std::move(values))));
  }
  return columns;
}

jinja::ValueList Names(const ResultTable& table) {
  return jinja::ValueList(table.names().begin(), table.names().end());
}

Result<Value> Select(const ResultTable& table, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const auto keys, args.session.List(args.Get(0, "key")));
  std::vector<std::string> names;
  std::vector<jinja::ValueList> rows(table.rows().size());
  for (const Value& key : keys) {
    for (size_t i = 0; i < table.names().size(); ++i) {
      if (table.names()[i] != key.Str()) continue;
      names.push_back(table.names()[i]);
      for (size_t r = 0; r < rows.size(); ++r) rows[r].push_back(table.rows()[r][i]);
    }
  }
  return Value(jinja::MakeRef<ResultTable>(std::move(names), std::move(rows)));
}

Result<Value> Rename(const ResultTable& table, CallArgs& args) {
  std::vector<std::string> names = table.names();
  const Value given = args.Get(0, "column_names");
  if (given.is_dict()) {
    for (std::string& name : names) {
      if (const Value* renamed = given.dict().Find(std::string_view(name))) name = renamed->Str();
    }
  } else if (given.is_list()) {
    for (size_t i = 0; i < names.size() && i < given.list().size(); ++i) {
      names[i] = given.list()[i].Str();
    }
  }
  return Value(jinja::MakeRef<ResultTable>(std::move(names), table.rows()));
}

bool IsInteger(const std::string& type) {
  return type == "INTEGER" || type == "BIGINT" || type == "SMALLINT" || type == "TINYINT" ||
         type == "UBIGINT" || type == "UINTEGER" || type == "USMALLINT" || type == "UTINYINT" ||
         type == "HUGEINT" || type == "UHUGEINT";
}

// A date or timestamp as Python's; text where Python has none (infinity, years before 1).
Value Timed(const std::string& text, jinja::Moment::Kind kind) {
  auto moment = jinja::ParseIso(text, kind);
  return moment.ok() ? std::move(*moment) : Value(text);
}

}  // namespace

Result<std::optional<Value>> ResultTable::GetAttr(jinja::Session&, std::string_view name) {
  jinja::Ref<ResultTable> self(this);
  if (name == "rows") {
    std::vector<std::string> keys(rows_.size());
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = std::to_string(i);
    return Found(Value(jinja::MakeRef<MappedList>(std::move(keys), RowObjects(*this))));
  }
  if (name == "columns") {
    return Found(Value(jinja::MakeRef<MappedList>(names_, ColumnObjects(*this))));
  }
  if (name == "column_names") return Found(Value::Tuple(Names(*this)));
  if (name == "select") {
    return Found(MakeFunction("select", [self](CallArgs& args) { return Select(*self, args); }));
  }
  if (name == "rename") {
    return Found(MakeFunction("rename", [self](CallArgs& args) { return Rename(*self, args); }));
  }
  if (name == "print_table" || name == "print_csv" || name == "print_json") {
    return Found(MakeFunction("print_table", [](CallArgs&) -> Result<Value> { return Value(""); }));
  }
  return Found();
}

Result<std::unique_ptr<jinja::Iterator>> ResultTable::Iterate(jinja::Session&) {
  return std::unique_ptr<jinja::Iterator>(std::make_unique<ListIterator>(RowObjects(*this)));
}

Value TypedValue(const engine::Column& column, const std::optional<std::string>& text) {
  if (!text) return Value::None();
  const std::string& type = column.type;
  if (type == "BOOLEAN") return Value(*text == "true");
  if (IsInteger(type)) return Value::IntegerFromText(*text);
  if (type == "DOUBLE") return Value(std::strtod(text->c_str(), nullptr));
  // Python has no single precision: 3.3 read from a FLOAT is 3.299999952316284 there.
  if (type == "FLOAT") return Value(static_cast<double>(std::strtof(text->c_str(), nullptr)));
  if (type == "DATE") return Timed(*text, jinja::Moment::Kind::kDate);
  if (type.starts_with("TIMESTAMP WITH TIME")) {
    return Timed(*text + ":00", jinja::Moment::Kind::kDatetime);  // DuckDB writes +00
  }
  if (type.starts_with("TIMESTAMP")) return Timed(*text, jinja::Moment::Kind::kDatetime);
  if (type.starts_with("DECIMAL")) {
    // A decimal without fraction counts things; templates compare and print it as an integer.
    if (type.ends_with(",0)")) return Value::IntegerFromText(*text);
    return Value(std::strtod(text->c_str(), nullptr));
  }
  return Value(*text);
}

jinja::Ref<ResultTable> MakeResultTable(const engine::Rows& rows) {
  std::vector<std::string> names;
  for (const engine::Column& column : rows.columns) names.push_back(column.name);
  std::vector<jinja::ValueList> values;
  values.reserve(rows.rows.size());
  for (const auto& row : rows.rows) {
    jinja::ValueList list;
    for (size_t i = 0; i < row.size(); ++i) list.push_back(TypedValue(rows.columns[i], row[i]));
    values.push_back(std::move(list));
  }
  return jinja::MakeRef<ResultTable>(std::move(names), std::move(values));
}

}  // namespace tarn::transform
