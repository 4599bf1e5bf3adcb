// Spark's CAST and TRY_CAST. spark_cast(value, NULL::type) and spark_try_cast are what the rewrite
// makes of CAST(value AS type); the second argument only carries the type.
#include <cmath>

#include "dialect/function_decimal.h"
#include "dialect/function_families.h"
#include "dialect/function_moment.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/exception/conversion_exception.hpp"
#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/hugeint.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

[[noreturn]] void BadInput(std::string_view text, const LogicalType& type) {
  throw ConversionException(
      "CAST_INVALID_INPUT: '%s' cannot be cast to %s; use try_cast to get NULL",
      std::string(text.substr(0, 100)), StringUtil::Upper(SparkTypeName(type)));
}

// A native cast from text: `parse` gives nothing for malformed text.
template <class T, class Parse>
Expr FromText(Expr value, const LogicalType& type, bool is_try, Parse parse) {
  auto each = [parse, type, is_try](RowIn& in, RowOut& out) {
    auto parsed = parse(in.Text(0));
    if (parsed) {
      out.Set<T>(static_cast<T>(*parsed));
    } else if (is_try) {
      out.Null();
    } else {
      BadInput(in.Text(0), type);
    }
  };
  Exprs args;
  args.push_back(std::move(value));
  return Native(std::string(is_try ? "try_cast_" : "cast_") + SparkTypeName(type), type,
                EachRow(each), std::move(args));
}

template <class T>
Expr IntegralFromText(Expr value, const LogicalType& type, bool is_try) {
  return FromText<T>(
      std::move(value), type, is_try, [](std::string_view text) -> std::optional<int64_t> {
        auto parsed = ParseIntegral(text);
        if (parsed &&
            (*parsed < std::numeric_limits<T>::min() || *parsed > std::numeric_limits<T>::max())) {
          return std::nullopt;
        }
        return parsed;
      });
}

Expr DecimalFrom(Expr value, const LogicalType& type, bool is_try) {
  const int precision = duckdb::DecimalType::GetWidth(type);
  const int scale = duckdb::DecimalType::GetScale(type);
  const auto source = value->return_type.id();
  auto each = [=](RowIn& in, RowOut& out) {
    std::string text;
    if (source == LogicalTypeId::DOUBLE) text = DoubleText(in.Get<double>(0));
    if (source == LogicalTypeId::FLOAT) text = DoubleText(in.Get<float>(0));
    const std::string_view view =
        source == LogicalTypeId::VARCHAR ? in.Text(0) : std::string_view(text);
    // No decimal, and no error either.
    if (source != LogicalTypeId::VARCHAR &&
        !std::isdigit(static_cast<unsigned char>(text.back()))) {
      return out.Null();
    }
    auto parsed = ParseDecimal(view, precision, scale);
    if (parsed && !parsed->overflow) return SetDecimalDigits(out, type, parsed->value);
    if (is_try) return out.Null();
    if (!parsed) BadInput(view, type);
    throw ConversionException("NUMERIC_VALUE_OUT_OF_RANGE: %s does not fit %s", std::string(view),
                              SparkTypeName(type));
  };
  Exprs args;
  args.push_back(std::move(value));
  return Native(std::string(is_try ? "try_cast_" : "cast_") + SparkTypeName(type), type,
                EachRow(each), std::move(args));
}

template <class F>
Expr ZonedCast(const char* name, const LogicalType& type, Expr value, F each) {
  Exprs args;
  args.push_back(std::move(value));
  return Native(name, type, EachRowWithZone(each), std::move(args));
}

Expr TimestampFromText(Expr value, const LogicalType& type, bool is_try) {
  const bool with_zone = type.id() == LogicalTypeId::TIMESTAMP_TZ;
  auto each = [=](ClientContext& context, const Zone& session, RowIn& in, RowOut& out) {
    auto parsed = ParseTimestamp(in.Text(0));
    std::shared_ptr<const Zone> own;
    if (parsed && !parsed->zone.empty()) {
      own = TryFindZone(context, parsed->zone);
      if (!own) parsed.reset();
    }
    if (!parsed) {
      if (is_try) return out.Null();
      BadInput(in.Text(0), type);
    }
    if (!with_zone) return out.Set<int64_t>(parsed->local);
    out.Set<int64_t>((own ? *own : session).ToInstant(parsed->local));
  };
  return ZonedCast(is_try ? (with_zone ? "try_cast_timestamp" : "try_cast_timestamp_ntz")
                          : (with_zone ? "cast_timestamp" : "cast_timestamp_ntz"),
                   type, std::move(value), each);
}

Expr CastText(FunctionCall& call, Expr value, const LogicalType& type, bool is_try) {
  switch (type.id()) {
    case LogicalTypeId::TINYINT: return IntegralFromText<int8_t>(std::move(value), type, is_try);
    case LogicalTypeId::SMALLINT: return IntegralFromText<int16_t>(std::move(value), type, is_try);
    case LogicalTypeId::INTEGER: return IntegralFromText<int32_t>(std::move(value), type, is_try);
    case LogicalTypeId::BIGINT: return IntegralFromText<int64_t>(std::move(value), type, is_try);
    case LogicalTypeId::FLOAT: return FromText<float>(std::move(value), type, is_try, ParseFloat);
    case LogicalTypeId::DOUBLE:
      return FromText<double>(std::move(value), type, is_try, ParseDouble);
    case LogicalTypeId::BOOLEAN:
      return FromText<bool>(std::move(value), type, is_try, ParseBoolean);
    case LogicalTypeId::DATE: return FromText<int32_t>(std::move(value), type, is_try, ParseDate);
    case LogicalTypeId::DECIMAL: return DecimalFrom(std::move(value), type, is_try);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: return TimestampFromText(std::move(value), type, is_try);
    case LogicalTypeId::BLOB: return call.Call("encode", std::move(value));
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT:
      call.Refuse("a string cannot be cast to " + SparkTypeName(type) + "; use from_json");
    default: return call.Plain(std::move(value), type, is_try);
  }
}

Expr CastToText(FunctionCall& call, Expr value) {
  const auto type = LogicalType::VARCHAR;
  Exprs args;
  switch (value->return_type.id()) {
    case LogicalTypeId::DOUBLE:
      args.push_back(std::move(value));
      return Native("double_text", type, EachRow([](RowIn& in, RowOut& out) {
                      out.Text(DoubleText(in.Get<double>(0)));
                    }),
                    std::move(args));
    case LogicalTypeId::FLOAT:
      args.push_back(std::move(value));
      return Native("float_text", type,
                    EachRow([](RowIn& in, RowOut& out) { out.Text(FloatText(in.Get<float>(0))); }),
                    std::move(args));
    case LogicalTypeId::DECIMAL: {
      const auto decimal = value->return_type;
      args.push_back(std::move(value));
      return Native("decimal_text", type, EachRow([decimal](RowIn& in, RowOut& out) {
                      out.Text(DecimalText(DecimalDigits(in, 0, decimal),
                                           duckdb::DecimalType::GetScale(decimal)));
                    }),
                    std::move(args));
    }
    case LogicalTypeId::DATE:
      args.push_back(std::move(value));
      return Native("date_text", type,
                    EachRow([](RowIn& in, RowOut& out) { out.Text(DateText(in.Get<int32_t>(0))); }),
                    std::move(args));
    case LogicalTypeId::TIMESTAMP:
      args.push_back(std::move(value));
      return Native("timestamp_ntz_text", type, EachRow([](RowIn& in, RowOut& out) {
                      out.Text(TimestampText(in.Get<int64_t>(0)));
                    }),
                    std::move(args));
    case LogicalTypeId::TIMESTAMP_TZ:
      return ZonedCast("timestamp_text", type, std::move(value),
                       [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                         out.Text(TimestampText(zone.ToLocal(in.Get<int64_t>(0))));
                       });
    case LogicalTypeId::BLOB:
      // The bytes as they are, as long as they are UTF-8.
      return call.Call("decode", std::move(value));
    case LogicalTypeId::INTERVAL:
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT:
      return ZonedCast("nested_text", type, std::move(value),
                       [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                         out.Text(ValueText(in.Boxed(0), zone));
                       });
    default: return call.Plain(std::move(value), type);
  }
}

Expr CastToTimestamp(FunctionCall& call, Expr value, const LogicalType& type) {
  const auto source = value->return_type;
  if (type.id() == LogicalTypeId::TIMESTAMP) {
    if (source.id() == LogicalTypeId::TIMESTAMP_TZ) {
      return ZonedCast("local_time", type, std::move(value),
                       [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                         out.Set<int64_t>(zone.ToLocal(in.Get<int64_t>(0)));
                       });
    }
    if (source.id() == LogicalTypeId::DATE) return call.Plain(std::move(value), type);
    call.Refuse("a value of type " + SparkTypeName(source) + " cannot be cast to timestamp_ntz");
  }
  if (source.id() == LogicalTypeId::TIMESTAMP) {
    return ZonedCast("instant_of_local", type, std::move(value),
                     [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                       out.Set<int64_t>(zone.ToInstant(in.Get<int64_t>(0)));
                     });
  }
  if (source.id() == LogicalTypeId::DATE) {
    return ZonedCast("instant_of_date", type, std::move(value),
                     [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                       out.Set<int64_t>(zone.ToInstant(in.Get<int32_t>(0) * kMicrosPerDay));
                     });
  }
  if (IsIntegral(source)) {
    return call.Sql("make_timestamptz(CAST($1 AS BIGINT) * 1000000)", std::move(value));
  }
  if (IsDecimal(source)) {
    return call.Sql("make_timestamptz(CAST(floor(CAST($1 AS DECIMAL(38,6)) * 1000000) AS BIGINT))",
                    std::move(value));
  }
  if (IsFloating(source)) {
    return call.Sql("make_timestamptz(CAST(trunc(CAST($1 AS DOUBLE) * 1000000) AS BIGINT))",
                    std::move(value));
  }
  call.Refuse("a value of type " + SparkTypeName(source) + " cannot be cast to timestamp");
}

Expr CastFromInstant(FunctionCall& call, Expr value, const LogicalType& type, bool is_try) {
  if (type.id() == LogicalTypeId::DATE) {
    return ZonedCast("date_of_instant", type, std::move(value),
                     [](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                       const auto local = zone.ToLocal(in.Get<int64_t>(0));
                       out.Set<int32_t>(static_cast<int32_t>(FloorDiv(local, kMicrosPerDay)));
                     });
  }
  if (IsIntegral(type)) {
    Exprs args;
    args.push_back(std::move(value));
    auto seconds =
        Native("seconds_of_instant", LogicalType::BIGINT, EachRow([](RowIn& in, RowOut& out) {
                 out.Set<int64_t>(FloorDiv(in.Get<int64_t>(0), kMicrosPerSecond));
               }),
               std::move(args));
    return call.Plain(std::move(seconds), type, is_try);
  }
  if (IsFloating(type)) {
    return call.Plain(call.Sql("CAST(epoch_us($1) AS DOUBLE) / 1000000", std::move(value)), type);
  }
  if (IsDecimal(type)) {
    auto micros = call.Sql("CAST(epoch_us($1) AS DECIMAL(20,0)) * 0.000001", std::move(value));
    return call.Plain(std::move(micros), type, is_try);
  }
  call.Refuse("a timestamp cannot be cast to " + SparkTypeName(type));
}

Expr CastNumber(FunctionCall& call, Expr value, const LogicalType& type, bool is_try) {
  const auto source = value->return_type;
  if (IsIntegral(type) && !IsIntegral(source)) {
    // Towards zero, where DuckDB rounds.
    return call.Plain(call.Call("trunc", std::move(value)), type, is_try);
  }
  if (IsDecimal(type) && IsFloating(source)) return DecimalFrom(std::move(value), type, is_try);
  if (type.id() == LogicalTypeId::BLOB || type.id() == LogicalTypeId::DATE ||
      type.id() == LogicalTypeId::INTERVAL) {
    call.Refuse("a number cannot be cast to " + SparkTypeName(type));
  }
  return call.Plain(std::move(value), type, is_try);
}

// The cast of the elements, run over the child vector as a whole.
struct ElementCast {
  std::shared_ptr<Expression> element;
};

void CastElements(DataChunk& args, ExpressionState& state, Vector& result) {
  auto& function = state.expr.Cast<BoundFunctionExpression>();
  auto& cast = function.bind_info->Cast<ClosureData<ElementCast>>().state;
  auto& source = args.data[0];
  const auto count = args.size();
  source.Flatten(count);
  const auto size = ListVector::GetListSize(source);
  auto& child = ListVector::GetEntry(source);
  DataChunk input;
  input.InitializeEmpty({child.GetType()});
  input.data[0].Reference(child);
  input.SetCardinality(size);
  ListVector::Reserve(result, size);
  auto& target = ListVector::GetEntry(result);
  Vector converted(target.GetType(), MaxValue<idx_t>(size, 1));
  if (size > 0) {
    ExpressionExecutor executor(state.GetContext(), *cast.element);
    executor.ExecuteExpression(input, converted);
    VectorOperations::Copy(converted, target, size, 0, 0);
  }
  ListVector::SetListSize(result, size);
  result.SetVectorType(VectorType::FLAT_VECTOR);
  auto from = FlatVector::GetData<list_entry_t>(source);
  auto to = FlatVector::GetData<list_entry_t>(result);
  for (idx_t row = 0; row < count; row++) {
    if (FlatVector::IsNull(source, row)) {
      FlatVector::SetNull(result, row, true);
    } else {
      to[row] = from[row];
    }
  }
  if (args.AllConstant()) result.SetVectorType(VectorType::CONSTANT_VECTOR);
}

Expr CastList(FunctionCall& call, Expr value, const LogicalType& type, bool is_try) {
  const auto& from = ListType::GetChildType(value->return_type);
  const auto& to = ListType::GetChildType(type);
  if (from.id() == LogicalTypeId::SQLNULL) return call.Plain(std::move(value), type);
  auto element = call.Cast(make_uniq<BoundReferenceExpression>(from, 0ULL), to, is_try);
  ElementCast state{std::shared_ptr<Expression>(element.release())};
  Exprs args;
  args.push_back(std::move(value));
  return Native("cast_elements", type, CastElements, std::move(args), true,
                make_uniq<ClosureData<ElementCast>>(std::move(state)));
}

Expr CastStruct(FunctionCall& call, Expr value, const LogicalType& type, bool is_try) {
  const auto& from = StructType::GetChildTypes(value->return_type);
  const auto& to = StructType::GetChildTypes(type);
  if (from.size() != to.size()) {
    call.Refuse(SparkTypeName(value->return_type) + " cannot be cast to " + SparkTypeName(type) +
                ": they differ in the number of fields");
  }
  Exprs fields;
  for (idx_t i = 0; i < from.size(); i++) {
    auto field = call.Call("struct_extract_at", value->Copy(),
                           Literal(Value::BIGINT(static_cast<int64_t>(i) + 1)));
    field = call.Cast(std::move(field), to[i].second, is_try);
    field->SetAlias(to[i].first);
    fields.push_back(std::move(field));
  }
  auto packed = call.Call("struct_pack", std::move(fields));
  const auto packed_type = packed->return_type;
  return CaseWhen(IsNull(std::move(value)), Literal(Value(packed_type)), std::move(packed));
}

Expr BindCast(FunctionCall& call, bool is_try) {
  const auto type = call.Type(1);
  auto value = call.Take(0);
  const bool same = value->return_type == type;
  auto result = call.Cast(std::move(value), type, is_try);
  // A cast that changes nothing still has to hide the name of its column.
  if (same) result->ClearAlias();
  return result;
}

}  // namespace

Expr FunctionCall::Cast(Expr value, const LogicalType& type, bool is_try) {
  const auto source = value->return_type;
  if (source == type) return value;
  if (source.id() == LogicalTypeId::SQLNULL) return Plain(std::move(value), type);
  if (IsText(source) && IsText(type)) return Plain(std::move(value), type);
  if (IsText(source)) return CastText(*this, std::move(value), type, is_try);
  if (IsText(type)) return CastToText(*this, std::move(value));
  if (type.id() == LogicalTypeId::TIMESTAMP || type.id() == LogicalTypeId::TIMESTAMP_TZ) {
    if (source.id() == LogicalTypeId::BOOLEAN) {
      Refuse("a boolean cannot be cast to " + SparkTypeName(type));
    }
    return CastToTimestamp(*this, std::move(value), type);
  }
  if (source.id() == LogicalTypeId::TIMESTAMP_TZ) {
    return CastFromInstant(*this, std::move(value), type, is_try);
  }
  if (IsNumeric(source)) return CastNumber(*this, std::move(value), type, is_try);
  if (IsNumeric(type) && (IsMoment(source) || source.id() == LogicalTypeId::BLOB)) {
    Refuse("a value of type " + SparkTypeName(source) + " cannot be cast to " +
           SparkTypeName(type));
  }
  if (source.id() == LogicalTypeId::LIST && type.id() == LogicalTypeId::LIST) {
    return CastList(*this, std::move(value), type, is_try);
  }
  if (source.id() == LogicalTypeId::MAP && type.id() == LogicalTypeId::MAP) {
    return CastList(*this, std::move(value), type, is_try);
  }
  if (source.id() == LogicalTypeId::STRUCT && type.id() == LogicalTypeId::STRUCT) {
    return CastStruct(*this, std::move(value), type, is_try);
  }
  return Plain(std::move(value), type, is_try);
}

void RegisterCastFunctions(FunctionTable& table) {
  RegisterBinding(table, "cast", 2, 2, [](FunctionCall& call) { return BindCast(call, false); });
  RegisterBinding(table, "try_cast", 2, 2, [](FunctionCall& call) { return BindCast(call, true); });
}

}  // namespace tarn::dialect
