// Arrays.
#include <algorithm>
#include <random>
#include <unordered_set>

#include "dialect/function_array.h"
#include "dialect/function_families.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

using namespace duckdb;

void RequireList(FunctionCall& call, idx_t i) {
  if (call.IsNull(i))
    call.arguments[i] = call.Plain(call.Take(i), LogicalType::LIST(LogicalType::SQLNULL));
  if (call.Id(i) != LogicalTypeId::LIST)
    call.Refuse("takes an array, not " + SparkTypeName(call.Type(i)));
}

namespace {

const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kLong = LogicalType::BIGINT;
const LogicalType kText = LogicalType::VARCHAR;

// DuckDB folds a call on a NULL literal to a NULL without a type.
Expr Typed(FunctionCall& call, Expr value, const LogicalType& type) {
  return value->return_type.id() == LogicalTypeId::SQLNULL ? call.Plain(std::move(value), type)
                                                           : std::move(value);
}

const LogicalType& ElementType(FunctionCall& call, idx_t i) {
  return ListType::GetChildType(call.Type(i));
}

void RequirePlainElements(FunctionCall& call, idx_t i) {
  const auto id = ElementType(call, i).id();
  if (id == LogicalTypeId::LIST || id == LogicalTypeId::MAP || id == LogicalTypeId::STRUCT) {
    call.Refuse("takes an array of strings, not " + SparkTypeName(call.Type(i)));
  }
}

Expr BindArray(FunctionCall& call) {
  UnifyArguments(call, 0);
  return call.Call("list_value", std::move(call.arguments));
}

// A position counted from 0, checked, as DuckDB's position counted from 1.
Expr CheckedPosition(FunctionCall& call, Expr index, Expr length) {
  (void)call;
  Exprs args;
  args.push_back(std::move(index));
  args.push_back(std::move(length));
  return Native("array_position_checked", kLong, EachRow([](RowIn& in, RowOut& out) {
                  const auto index = in.Get<int64_t>(0);
                  const auto length = in.Get<int64_t>(1);
                  if (index < 0 || index >= length) {
                    throw InvalidInputException(
                        "INVALID_ARRAY_INDEX: the index %d is out of bounds, the array has %d "
                        "elements; use get() to get NULL",
                        index, length);
                  }
                  out.Set<int64_t>(index + 1);
                }),
                std::move(args));
}

// The argument for a map's key: both meet in one type, as in a comparison.
Expr KeyFor(FunctionCall& call, idx_t map, idx_t key) {
  const auto key_type = MapType::KeyType(call.Type(map));
  if (key_type.id() == LogicalTypeId::SQLNULL) return call.Plain(call.Take(key), key_type);
  return call.Cast(call.Take(key), key_type);
}

Expr BindSubscript(FunctionCall& call) {
  if (call.Id(0) == LogicalTypeId::MAP) {
    auto key = KeyFor(call, 0, 1);
    const auto type = MapType::ValueType(call.Type(0));
    return Typed(call, call.Call("map_extract_value", call.Take(0), std::move(key)), type);
  }
  if (call.Id(0) == LogicalTypeId::STRUCT)
    return call.Call("struct_extract", call.Take(0), call.Take(1));
  RequireList(call, 0);
  auto length = call.Call("len", call.Copy(0));
  auto position = CheckedPosition(call, call.Cast(call.Take(1), kLong), std::move(length));
  const auto type = ElementType(call, 0);
  return Typed(call, call.Call("list_extract", call.Take(0), std::move(position)), type);
}

Expr BindElementAt(FunctionCall& call) {
  if (call.Id(0) == LogicalTypeId::MAP) {
    auto key = KeyFor(call, 0, 1);
    const auto type = MapType::ValueType(call.Type(0));
    return Typed(call, call.Call("map_extract_value", call.Take(0), std::move(key)), type);
  }
  RequireList(call, 0);
  Exprs args;
  args.push_back(call.Cast(call.Take(1), kLong));
  args.push_back(call.Call("len", call.Copy(0)));
  auto position = Native("element_position_checked", kLong, EachRow([](RowIn& in, RowOut& out) {
                           const auto index = in.Get<int64_t>(0);
                           const auto length = in.Get<int64_t>(1);
                           if (index == 0) {
                             throw InvalidInputException(
                                 "INVALID_INDEX_OF_ZERO: element_at counts from 1, or from -1 "
                                 "at the end");
                           }
                           if (index > length || index < -length) {
                             throw InvalidInputException(
                                 "INVALID_ARRAY_INDEX_IN_ELEMENT_AT: the index %d is out of "
                                 "bounds, the array has %d elements; use try_element_at to "
                                 "get NULL",
                                 index, length);
                           }
                           out.Set<int64_t>(index > 0 ? index : length + index + 1);
                         }),
                         std::move(args));
  const auto type = ElementType(call, 0);
  return Typed(call, call.Call("list_extract", call.Take(0), std::move(position)), type);
}

Expr BindGet(FunctionCall& call) {
  RequireList(call, 0);
  const auto type = ElementType(call, 0);
  auto index = call.Cast(call.Take(1), kLong);
  auto element = call.Sql("CASE WHEN $2 < 0 THEN NULL ELSE list_extract($1, $2 + 1) END",
                          call.Take(0), std::move(index));
  return Typed(call, std::move(element), type);
}

Expr BindSize(FunctionCall& call) {
  if (call.IsNull(0)) return Literal(Value(kInt));
  if (call.Id(0) == LogicalTypeId::MAP)
    return call.Sql("CAST(cardinality($1) AS INTEGER)", call.Take(0));
  RequireList(call, 0);
  return call.Sql("CAST(len($1) AS INTEGER)", call.Take(0));
}

// Array and value of one element type.
void UnifyElement(FunctionCall& call, idx_t list, idx_t value) {
  RequireList(call, list);
  auto element = CommonType(ListType::GetChildType(call.Type(list)), call.Type(value));
  if (!element) call.Refuse("the array and the value have no common type");
  call.arguments[list] = call.Cast(call.Take(list), LogicalType::LIST(*element));
  call.arguments[value] = call.Cast(call.Take(value), *element);
}

void UnifyLists(FunctionCall& call) {
  for (idx_t i = 0; i < call.Count(); i++) RequireList(call, i);
  UnifyArguments(call, 0);
}

Expr BindArrayContains(FunctionCall& call) {
  if (call.IsNull(1)) call.Refuse("the value is NULL");
  UnifyElement(call, 0, 1);
  return call.Sql(
      "CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN list_contains($1, $2) THEN true "
      "WHEN list_aggregate($1, 'count') < len($1) THEN NULL ELSE false END",
      call.Take(0), call.Take(1));
}

Expr BindArrayPosition(FunctionCall& call) {
  UnifyElement(call, 0, 1);
  return call.Sql(
      "CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE CAST(coalesce(list_position($1, $2), 0) "
      "AS BIGINT) END",
      call.Take(0), call.Take(1));
}

// ---- functions on boxed elements ----

struct ValueHash {
  size_t operator()(const Value& value) const { return value.Hash(); }
};
struct ValueSame {
  bool operator()(const Value& a, const Value& b) const { return Value::NotDistinctFrom(a, b); }
};
using ValueSet = std::unordered_set<Value, ValueHash, ValueSame>;
using Values = vector<Value>;

// A copy: what it is called with is often a temporary.
Values Elements(const Value& list) { return ListValue::GetChildren(list); }

// A native function over boxed arguments that gives a list of the first argument's type.
template <class F>
Expr BoxedList(const char* name, FunctionCall& call, F make) {
  const auto type = call.Type(0);
  const auto element = ListType::GetChildType(type);
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) args.push_back(call.Take(i));
  return Native(name, type, EachRow([=](RowIn& in, RowOut& out) {
                  Values result;
                  make(in, result);
                  out.Boxed(Value::LIST(element, std::move(result)));
                }),
                std::move(args));
}

Expr BindDistinct(FunctionCall& call) {
  RequireList(call, 0);
  return BoxedList("array_distinct", call, [](RowIn& in, Values& result) {
    ValueSet seen;
    for (auto& value : Elements(in.Boxed(0))) {
      if (seen.insert(value).second) result.push_back(value);
    }
  });
}

Expr BindUnion(FunctionCall& call) {
  UnifyLists(call);
  return BoxedList("array_union", call, [](RowIn& in, Values& result) {
    ValueSet seen;
    for (idx_t c = 0; c < 2; c++) {
      for (auto& value : Elements(in.Boxed(c))) {
        if (seen.insert(value).second) result.push_back(value);
      }
    }
  });
}

template <bool KEEP>
Expr BindSetOperation(FunctionCall& call) {
  UnifyLists(call);
  return BoxedList(KEEP ? "array_intersect" : "array_except", call, [](RowIn& in, Values& result) {
    ValueSet other, seen;
    for (auto& value : Elements(in.Boxed(1))) other.insert(value);
    for (auto& value : Elements(in.Boxed(0))) {
      if ((other.count(value) > 0) == KEEP && seen.insert(value).second) result.push_back(value);
    }
  });
}

Expr BindOverlap(FunctionCall& call) {
  UnifyLists(call);
  Exprs args;
  args.push_back(call.Take(0));
  args.push_back(call.Take(1));
  return Native("arrays_overlap", LogicalType::BOOLEAN, EachRow([](RowIn& in, RowOut& out) {
                  ValueSet first;
                  bool null = false;
                  const auto a = in.Boxed(0), b = in.Boxed(1);
                  for (auto& value : Elements(a)) {
                    null |= value.IsNull();
                    if (!value.IsNull()) first.insert(value);
                  }
                  for (auto& value : Elements(b)) {
                    if (first.count(value)) return out.Set<bool>(true);
                    null |= value.IsNull();
                  }
                  const bool unknown = null && !Elements(a).empty() && !Elements(b).empty();
                  unknown ? out.Null() : out.Set<bool>(false);
                }),
                std::move(args));
}

Expr BindRemove(FunctionCall& call) {
  UnifyElement(call, 0, 1);
  return BoxedList("array_remove", call, [](RowIn& in, Values& result) {
    const auto removed = in.Boxed(1);
    for (auto& value : Elements(in.Boxed(0))) {
      if (value.IsNull() || !Value::NotDistinctFrom(value, removed)) result.push_back(value);
    }
  });
}

Expr BindCompact(FunctionCall& call) {
  RequireList(call, 0);
  return BoxedList("array_compact", call, [](RowIn& in, Values& result) {
    for (auto& value : Elements(in.Boxed(0))) {
      if (!value.IsNull()) result.push_back(value);
    }
  });
}

Expr BindReverseList(FunctionCall& call) {
  RequireList(call, 0);
  return BoxedList("list_reverse", call, [](RowIn& in, Values& result) {
    result = Elements(in.Boxed(0));
    std::reverse(result.begin(), result.end());
  });
}

Expr BindShuffle(FunctionCall& call) {
  RequireList(call, 0);
  const auto type = call.Type(0);
  Exprs args;
  args.push_back(call.Take(0));
  auto each = [type](RowIn& in, RowOut& out) {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    auto values = Elements(in.Boxed(0));
    std::shuffle(values.begin(), values.end(), random);
    out.Boxed(Value::LIST(ListType::GetChildType(type), std::move(values)));
  };
  return Native("shuffle", type, EachRow(each), std::move(args), false, nullptr, true);
}

Expr BindSlice(FunctionCall& call) {
  RequireList(call, 0);
  for (idx_t i = 1; i < 3; i++) call.arguments[i] = call.Cast(call.Take(i), kInt);
  return BoxedList("slice", call, [](RowIn& in, Values& result) {
    const auto list = in.Boxed(0);
    const auto elements = Elements(list);
    int64_t start = in.Get<int32_t>(1);
    const int64_t length = in.Get<int32_t>(2);
    if (start == 0)
      throw InvalidInputException(
          "INVALID_PARAMETER_VALUE.START: slice counts from 1, or from -1 at the end");
    if (length < 0)
      throw InvalidInputException(
          "INVALID_PARAMETER_VALUE.LENGTH: slice needs a length of 0 or more");
    const auto size = static_cast<int64_t>(elements.size());
    start = start < 0 ? size + start : start - 1;
    for (int64_t i = start; start >= 0 && i < std::min(size, start + length); i++) {
      result.push_back(elements[static_cast<idx_t>(i)]);
    }
  });
}

Expr BindInsert(FunctionCall& call) {
  call.arguments[1] = call.Cast(call.Take(1), kInt);
  UnifyElement(call, 0, 2);
  const auto type = call.Type(0);
  const auto element = ListType::GetChildType(type);
  Exprs args;
  for (idx_t i = 0; i < 3; i++) args.push_back(call.Take(i));
  return Native(
      "array_insert", type,
      EachRow(
          [element](RowIn& in, RowOut& out) {
            if (in.IsNull(0) || in.IsNull(1)) return out.Null();
            const auto list = in.Boxed(0);
            Values result = Elements(list);
            const int64_t position = in.Get<int32_t>(1);
            if (position == 0)
              throw InvalidInputException("INVALID_INDEX_OF_ZERO: array_insert counts from 1");
            const auto size = static_cast<int64_t>(result.size());
            if (std::abs(position) > 10000000)
              throw InvalidInputException("array_insert: the position is too far away");
            if (position > 0) {
              while (static_cast<int64_t>(result.size()) < position - 1)
                result.emplace_back(element);
              result.insert(result.begin() + (position - 1), in.Boxed(2));
            } else if (size + position + 1 >= 0) {
              result.insert(result.begin() + (size + position + 1), in.Boxed(2));
            } else {
              result.insert(result.begin(), static_cast<size_t>(-position - size - 1),
                            Value(element));
              result.insert(result.begin(), in.Boxed(2));
            }
            out.Boxed(Value::LIST(element, std::move(result)));
          },
          true),
      std::move(args), true);
}

Expr BindRepeat(FunctionCall& call) {
  const auto element = call.Type(0);
  Exprs args;
  args.push_back(call.Take(0));
  args.push_back(call.Cast(call.Take(1), kInt));
  return Native(
      "array_repeat", LogicalType::LIST(element),
      EachRow(
          [element](RowIn& in, RowOut& out) {
            if (in.IsNull(1)) return out.Null();
            const auto times = std::max(in.Get<int32_t>(1), 0);
            out.Boxed(Value::LIST(element, Values(static_cast<size_t>(times), in.Boxed(0))));
          },
          true),
      std::move(args), true);
}

Expr BindJoin(FunctionCall& call) {
  RequireList(call, 0);
  RequirePlainElements(call, 0);
  Exprs args;
  args.push_back(call.Cast(call.Take(0), LogicalType::LIST(kText)));
  for (idx_t i = 1; i < call.Count(); i++) args.push_back(call.Text(call.Take(i)));
  return Native("array_join", kText, EachRow([](RowIn& in, RowOut& out) {
                  std::string text;
                  bool first = true;
                  for (auto& value : Elements(in.Boxed(0))) {
                    if (value.IsNull() && in.Columns() < 3) continue;
                    if (!first) text += in.Text(1);
                    first = false;
                    text += value.IsNull() ? std::string(in.Text(2)) : StringValue::Get(value);
                  }
                  out.Text(text);
                }),
                std::move(args));
}

Expr BindFlatten(FunctionCall& call) {
  RequireList(call, 0);
  const auto type = ElementType(call, 0);
  auto flat =
      call.Sql("CASE WHEN list_aggregate($1, 'count') < len($1) THEN NULL ELSE flatten($1) END",
               call.Take(0));
  return Typed(call, std::move(flat), type);
}

Expr BindSort(FunctionCall& call, bool array_sort) {
  RequireList(call, 0);
  bool ascending = true;
  Value order;
  if (call.Count() > 1) {
    if (!call.Constant(1, order) || order.IsNull()) call.Refuse("the order must be true or false");
    ascending = BooleanValue::Get(order.DefaultCastAs(LogicalType::BOOLEAN));
  }
  const char* nulls = array_sort || !ascending ? "NULLS LAST" : "NULLS FIRST";
  const auto type = call.Type(0);
  auto sorted = call.Call("list_sort", call.Take(0), Literal(Value(ascending ? "ASC" : "DESC")),
                          Literal(Value(nulls)));
  return Typed(call, std::move(sorted), type);
}

}  // namespace

void RegisterCollectionFunctions(FunctionTable& table) {
  RegisterStructFunctions(table);
  RegisterBinding(table, "array", 0, -1, BindArray);
  RegisterBinding(table, "subscript", 2, 2, BindSubscript);
  RegisterBinding(table, "element_at", 2, 2, BindElementAt);
  RegisterBinding(table, "get", 2, 2, BindGet);
  for (auto name : {"size", "cardinality", "array_size"})
    RegisterBinding(table, name, 1, 1, BindSize);
  RegisterBinding(table, "array_contains", 2, 2, BindArrayContains);
  RegisterBinding(table, "array_position", 2, 2, BindArrayPosition);
  RegisterBinding(table, "array_distinct", 1, 1, BindDistinct);
  RegisterBinding(table, "array_union", 2, 2, BindUnion);
  RegisterBinding(table, "array_intersect", 2, 2, BindSetOperation<true>);
  RegisterBinding(table, "array_except", 2, 2, BindSetOperation<false>);
  RegisterBinding(table, "arrays_overlap", 2, 2, BindOverlap);
  RegisterBinding(table, "array_remove", 2, 2, BindRemove);
  RegisterBinding(table, "array_compact", 1, 1, BindCompact);
  RegisterBinding(table, "slice", 3, 3, BindSlice);
  RegisterBinding(table, "array_insert", 3, 3, BindInsert);
  RegisterBinding(table, "array_repeat", 2, 2, BindRepeat);
  RegisterBinding(table, "array_join", 2, 3, BindJoin);
  RegisterBinding(table, "flatten", 1, 1, BindFlatten);
  RegisterBinding(table, "list_reversed", 1, 1, BindReverseList);
  RegisterBinding(table, "shuffle", 1, 1, BindShuffle);
  RegisterBinding(table, "array_sort", 1, 1,
                  [](FunctionCall& call) { return BindSort(call, true); });
  RegisterBinding(table, "sort_array", 1, 2,
                  [](FunctionCall& call) { return BindSort(call, false); });
  RegisterBinding(table, "array_max", 1, 1, [](FunctionCall& call) {
    RequireList(call, 0);
    const auto type = ElementType(call, 0);
    return Typed(call, call.Call("list_aggregate", call.Take(0), Literal(Value("max"))), type);
  });
  RegisterBinding(table, "array_min", 1, 1, [](FunctionCall& call) {
    RequireList(call, 0);
    const auto type = ElementType(call, 0);
    return Typed(call, call.Call("list_aggregate", call.Take(0), Literal(Value("min"))), type);
  });
  RegisterBinding(table, "array_append", 2, 2, [](FunctionCall& call) {
    UnifyElement(call, 0, 1);
    const auto type = call.Type(0);
    auto longer =
        call.Sql("CASE WHEN $1 IS NULL THEN NULL ELSE list_concat($1, list_value($2)) END",
                 call.Take(0), call.Take(1));
    return Typed(call, std::move(longer), type);
  });
  RegisterBinding(table, "array_prepend", 2, 2, [](FunctionCall& call) {
    UnifyElement(call, 0, 1);
    const auto type = call.Type(0);
    auto longer =
        call.Sql("CASE WHEN $1 IS NULL THEN NULL ELSE list_concat(list_value($2), $1) END",
                 call.Take(0), call.Take(1));
    return Typed(call, std::move(longer), type);
  });
}

}  // namespace tarn::dialect
