// Sequences, structs, and what the rewrite of lambdas and aggregates needs.
#include "dialect/function_array.h"
#include "dialect/function_families.h"
#include "dialect/function_interval.h"
#include "dialect/function_moment.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kLong = LogicalType::BIGINT;
using Values = vector<Value>;

bool IsList(const LogicalType& type) { return type.id() == LogicalTypeId::LIST; }

// ---- sequence ----

int64_t Step(int64_t at, int64_t step, int64_t n) { return at + step * n; }

void CheckSequence(bool possible, int64_t count) {
  if (!possible) throw InvalidInputException("sequence: the step leads away from the end");
  if (count > 100000000) throw InvalidInputException("sequence: more than 100 million elements");
}

Expr IntegralSequence(FunctionCall& call) {
  const auto type = UnifyArguments(call, 0);
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) args.push_back(call.Plain(call.Take(i), kLong));
  auto list =
      Native("sequence", LogicalType::LIST(kLong), EachRow([](RowIn& in, RowOut& out) {
               const auto start = in.Get<int64_t>(0), stop = in.Get<int64_t>(1);
               const auto step = in.Columns() > 2 ? in.Get<int64_t>(2) : (start <= stop ? 1 : -1);
               CheckSequence(start == stop || (step != 0 && (step > 0) == (stop > start)), 0);
               const int64_t count = start == stop ? 1 : (stop - start) / step + 1;
               CheckSequence(true, count);
               Values result;
               for (int64_t i = 0; i < count; i++)
                 result.push_back(Value::BIGINT(Step(start, step, i)));
               out.Boxed(Value::LIST(kLong, std::move(result)));
             }),
             std::move(args));
  return call.Plain(std::move(list),
                    LogicalType::LIST(type.id() == LogicalTypeId::SQLNULL ? kInt : type));
}

Expr MomentSequence(FunctionCall& call) {
  LogicalType type = call.Id(0) == LogicalTypeId::DATE && call.Id(1) == LogicalTypeId::DATE
                         ? LogicalType::DATE
                     : call.Id(0) == LogicalTypeId::TIMESTAMP ? LogicalType::TIMESTAMP
                                                              : LogicalType::TIMESTAMP_TZ;
  Exprs args;
  args.push_back(call.Cast(call.Take(0), type));
  args.push_back(call.Cast(call.Take(1), type));
  const bool given = call.Count() > 2;
  args.push_back(given ? call.Take(2) : Literal(Value::INTERVAL(0, 1, 0)));
  const auto id = type.id();
  auto each = [=](ClientContext& context, const Zone& session, RowIn& in, RowOut& out) {
    auto utc = FindZone(context, "UTC");
    const Zone& zone = id == LogicalTypeId::TIMESTAMP_TZ ? session : *utc;
    auto read = [&](idx_t c) {
      return id == LogicalTypeId::DATE ? in.Get<int32_t>(c) * kMicrosPerDay : in.Get<int64_t>(c);
    };
    const auto start = read(0), stop = read(1);
    const auto step = in.Get<interval_t>(2);
    int64_t sign = !given && stop < start ? -1 : 1;
    const int64_t direction = step.months ? step.months : step.days ? step.days : step.micros;
    CheckSequence(start == stop || (direction != 0 && (direction * sign > 0) == (stop > start)), 0);
    Values result;
    for (int64_t i = 0;; i++) {
      CheckSequence(true, i);
      const int64_t n = i * sign;
      const auto at = AddToInstant(zone, start, n * step.months, n * step.days, n * step.micros);
      if (stop >= start ? at > stop : at < stop) break;
      Value value = id == LogicalTypeId::DATE
                        ? Value::DATE(date_t(static_cast<int32_t>(FloorDiv(at, kMicrosPerDay))))
                    : id == LogicalTypeId::TIMESTAMP ? Value::TIMESTAMP(timestamp_t(at))
                                                     : Value::TIMESTAMPTZ(timestamp_tz_t(at));
      result.push_back(std::move(value));
      if (start == stop) break;
    }
    out.Boxed(Value::LIST(type, std::move(result)));
  };
  return Native("sequence_" + SparkTypeName(type), LogicalType::LIST(type), EachRowWithZone(each),
                std::move(args));
}

Expr BindSequence(FunctionCall& call) {
  const bool moment = IsMoment(call.Type(0)) || IsMoment(call.Type(1));
  return moment ? MomentSequence(call) : IntegralSequence(call);
}

// ---- structs ----

Expr BindNamedStruct(FunctionCall& call) {
  if (call.Count() % 2 != 0) call.Refuse("takes names and values in pairs");
  Exprs fields;
  for (idx_t i = 0; i < call.Count(); i += 2) {
    Value name;
    if (!call.Constant(i, name) || name.IsNull()) call.Refuse("the names must be constants");
    auto field = call.Take(i + 1);
    field->SetAlias(name.ToString());
    fields.push_back(std::move(field));
  }
  return call.Call("struct_pack", std::move(fields));
}

// Columns keep their names, everything else is col1, col2, …
Expr BindStruct(FunctionCall& call) {
  Exprs fields;
  for (idx_t i = 0; i < call.Count(); i++) {
    auto field = call.Take(i);
    const auto kind = field->GetExpressionClass();
    const bool named =
        kind == ExpressionClass::BOUND_COLUMN_REF || kind == ExpressionClass::BOUND_LAMBDA_REF;
    if (!named || field->GetAlias().empty()) field->SetAlias("col" + std::to_string(i + 1));
    fields.push_back(std::move(field));
  }
  return call.Call("struct_pack", std::move(fields));
}

Expr BindZip(FunctionCall& call, bool spark_names) {
  vector<std::string> names;
  for (idx_t i = 0; i < call.Count(); i++) {
    const bool column =
        call.arguments[i]->GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF;
    names.push_back(column ? call.arguments[i]->GetAlias() : std::to_string(i));
    RequireList(call, i);
  }
  const auto count = call.Count();
  Expr any_null = IsNull(call.Copy(0));
  Exprs lists;
  for (idx_t i = 0; i < count; i++) lists.push_back(call.Copy(i));
  auto zipped = call.Call("list_zip", std::move(lists));
  for (idx_t i = 0; i < count; i++) {
    auto type = zipped->return_type;
    zipped = CaseWhen(IsNull(call.Copy(i)), Literal(Value(type)), std::move(zipped));
  }
  if (!spark_names) return zipped;
  child_list_t<LogicalType> fields;
  for (idx_t i = 0; i < count; i++)
    fields.emplace_back(names[i], ListType::GetChildType(call.Type(i)));
  return call.Cast(std::move(zipped), LogicalType::LIST(LogicalType::STRUCT(std::move(fields))));
}

// ---- what the rewrite of lambdas and aggregates needs ----

Expr BindTruth(FunctionCall& call, bool wanted) {
  RequireList(call, 0);
  const std::string value = wanted ? "true" : "false", other = wanted ? "false" : "true";
  return call.Sql("CASE WHEN $1 IS NULL THEN NULL WHEN list_contains($1, " + value + ") THEN " +
                      value + " WHEN list_aggregate($1, 'count') < len($1) THEN NULL ELSE " +
                      other + " END",
                  call.Cast(call.Take(0), LogicalType::LIST(LogicalType::BOOLEAN)));
}

Expr BindFractions(FunctionCall& call) {
  const bool list = IsList(call.Type(0));
  return call.Cast(call.Take(0),
                   list ? LogicalType::LIST(LogicalType::DOUBLE) : LogicalType::DOUBLE);
}

Expr BindOrEmpty(FunctionCall& call) {
  const auto type = call.Type(0);
  auto empty = Literal(Value::LIST(ListType::GetChildType(type), Values()));
  return call.Sql("coalesce($1, $2)", call.Take(0), std::move(empty));
}

Expr BindNullIfNone(FunctionCall& call) {
  RequireList(call, 0);
  const auto element = ListType::GetChildType(call.Type(0));
  auto one_null = Literal(Value::LIST(element, Values(1, Value(element))));
  return call.Sql("CASE WHEN coalesce(len($1), 0) = 0 THEN $2 ELSE $1 END", call.Take(0),
                  std::move(one_null));
}

}  // namespace

void RegisterStructFunctions(FunctionTable& table) {
  RegisterBinding(table, "sequence", 2, 3, BindSequence);
  RegisterBinding(table, "named_struct", 2, -1, BindNamedStruct);
  RegisterBinding(table, "struct", 1, -1, BindStruct);
  RegisterBinding(table, "arrays_zip", 1, -1,
                  [](FunctionCall& call) { return BindZip(call, true); });
  RegisterBinding(table, "zip", 2, 2, [](FunctionCall& call) { return BindZip(call, false); });
  RegisterBinding(table, "any_true", 1, 1,
                  [](FunctionCall& call) { return BindTruth(call, true); });
  RegisterBinding(table, "all_true", 1, 1,
                  [](FunctionCall& call) { return BindTruth(call, false); });
  RegisterBinding(table, "fractions", 1, 1, BindFractions);
  RegisterBinding(table, "or_empty", 1, 1, BindOrEmpty);
  RegisterBinding(table, "null_if_none", 1, 1, BindNullIfNone);
  RegisterBinding(table, "lambda_index", 1, 1, [](FunctionCall& call) {
    return call.Sql("CAST($1 - 1 AS INTEGER)", call.Take(0));
  });
  RegisterBinding(table, "as_type_of", 2, 2, [](FunctionCall& call) {
    const auto type = call.Type(1);
    return call.Cast(call.Take(0), type);
  });
}

}  // namespace tarn::dialect
