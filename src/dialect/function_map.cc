// Maps.
#include "dialect/function_families.h"
#include "dialect/function_regex.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;

void RequireMap(FunctionCall& call, idx_t i) {
  if (call.Id(i) != LogicalTypeId::MAP)
    call.Refuse("takes a map, not " + SparkTypeName(call.Type(i)));
}

Expr BindMap(FunctionCall& call) {
  if (call.Count() % 2 != 0) call.Refuse("takes keys and values in pairs");
  if (call.Count() == 0) return call.Sql("MAP([], [])");
  UnifyArguments(call, 0, 2);
  UnifyArguments(call, 1, 2);
  Exprs keys, values;
  for (idx_t i = 0; i < call.Count(); i += 2) {
    keys.push_back(call.Take(i));
    values.push_back(call.Take(i + 1));
  }
  auto key_list = call.Call("list_value", std::move(keys));
  auto value_list = call.Call("list_value", std::move(values));
  return call.Call("map", std::move(key_list), std::move(value_list));
}

Expr BindConcat(FunctionCall& call) {
  for (idx_t i = 0; i < call.Count(); i++) RequireMap(call, i);
  UnifyArguments(call, 0);
  auto keys = call.Call("map_keys", call.Copy(0));
  auto values = call.Call("map_values", call.Take(0));
  for (idx_t i = 1; i < call.Count(); i++) {
    keys = call.Sql("CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE list_concat($1, $2) END",
                    std::move(keys), call.Call("map_keys", call.Copy(i)));
    values = call.Sql("CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE list_concat($1, $2) END",
                      std::move(values), call.Call("map_values", call.Take(i)));
  }
  return call.Call("map", std::move(keys), std::move(values));
}

Expr BindFromArrays(FunctionCall& call) {
  for (idx_t i = 0; i < 2; i++) {
    if (call.Id(i) != LogicalTypeId::LIST) call.Refuse("takes two arrays");
  }
  return call.Call("map", call.Take(0), call.Take(1));
}

Expr BindContainsKey(FunctionCall& call) {
  RequireMap(call, 0);
  auto key = call.Cast(call.Take(1), MapType::KeyType(call.Type(0)));
  return call.Sql("list_contains(map_keys($1), $2)", call.Take(0), std::move(key));
}

vector<std::string> Pieces(std::string_view text, std::string_view pattern, bool once) {
  vector<std::string> pieces;
  auto regex = CompileJavaRegex(pattern);
  RegexScan scan(*regex, text);
  size_t at = 0;
  while ((!once || pieces.empty()) && scan.Next()) {
    if (scan.end() == 0) continue;
    pieces.emplace_back(text.substr(at, scan.start() - at));
    at = scan.end();
  }
  pieces.emplace_back(text.substr(at));
  return pieces;
}

void StrToMap(RowIn& in, RowOut& out) {
  const std::string_view pairs = in.Columns() > 1 ? in.Text(1) : ",";
  const std::string_view between = in.Columns() > 2 ? in.Text(2) : ":";
  vector<Value> keys, values;
  for (auto& piece : Pieces(in.Text(0), pairs, false)) {
    auto parts = Pieces(piece, between, true);
    for (auto& key : keys) {
      if (StringValue::Get(key) == parts[0]) {
        throw InvalidInputException("DUPLICATED_MAP_KEY: the key '%s' comes twice", parts[0]);
      }
    }
    keys.emplace_back(parts[0]);
    values.push_back(parts.size() > 1 ? Value(parts[1]) : Value(kText));
  }
  out.Boxed(Value::MAP(kText, kText, std::move(keys), std::move(values)));
}

// All keys of two maps, first those of the first, with both values.
Expr BindMapZip(FunctionCall& call) {
  for (idx_t i = 0; i < 2; i++) RequireMap(call, i);
  auto key = CommonType(MapType::KeyType(call.Type(0)), MapType::KeyType(call.Type(1)));
  if (!key) call.Refuse("the maps' keys have no common type");
  const auto first = MapType::ValueType(call.Type(0)), second = MapType::ValueType(call.Type(1));
  child_list_t<LogicalType> fields = {{"key", *key}, {"value1", first}, {"value2", second}};
  const auto row = LogicalType::STRUCT(std::move(fields));
  Exprs args;
  args.push_back(call.Cast(call.Take(0), LogicalType::MAP(*key, first)));
  args.push_back(call.Cast(call.Take(1), LogicalType::MAP(*key, second)));
  auto each = [=](RowIn& in, RowOut& out) {
    vector<Value> rows;
    auto add = [&](const Value& k, const Value& a, const Value& b) {
      child_list_t<Value> values = {{"key", k}, {"value1", a}, {"value2", b}};
      rows.push_back(Value::STRUCT(std::move(values)));
    };
    auto find = [](const vector<Value>& entries, const Value& k) -> const Value* {
      for (auto& entry : entries) {
        auto& pair = StructValue::GetChildren(entry);
        if (Value::NotDistinctFrom(pair[0], k)) return &pair[1];
      }
      return nullptr;
    };
    const auto a = in.Boxed(0), b = in.Boxed(1);
    for (auto& entry : MapValue::GetChildren(a)) {
      auto& pair = StructValue::GetChildren(entry);
      auto other = find(MapValue::GetChildren(b), pair[0]);
      add(pair[0], pair[1], other ? *other : Value(second));
    }
    for (auto& entry : MapValue::GetChildren(b)) {
      auto& pair = StructValue::GetChildren(entry);
      if (!find(MapValue::GetChildren(a), pair[0])) add(pair[0], Value(first), pair[1]);
    }
    out.Boxed(Value::LIST(row, std::move(rows)));
  };
  return Native("map_zip", LogicalType::LIST(row), EachRow(each), std::move(args));
}

}  // namespace

void RegisterMapFunctions(FunctionTable& table) {
  RegisterBinding(table, "map", 0, -1, BindMap);
  RegisterBinding(table, "map_concat", 1, -1, BindConcat);
  RegisterBinding(table, "map_from_arrays", 2, 2, BindFromArrays);
  RegisterBinding(table, "map_from_entries", 1, 1,
                  [](FunctionCall& call) { return call.Call("map_from_entries", call.Take(0)); });
  RegisterBinding(table, "map_contains_key", 2, 2, BindContainsKey);
  RegisterBinding(table, "map_zip", 2, 2, BindMapZip);
  RegisterNative(
      table,
      {"str_to_map", {kText, kText, kText}, LogicalType::MAP(kText, kText), EachRow(StrToMap), 1});
}

}  // namespace tarn::dialect
