// JSON: paths, reading into typed values, writing.
#include <cmath>

#include "dialect/function_families.h"
#include "dialect/function_json.h"
#include "dialect/function_moment.h"
#include "dialect/function_schema.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/blob.hpp"
#include "yyjson.hpp"

namespace tarn::dialect {

using namespace duckdb;
using namespace duckdb_yyjson;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char buffer[8];
          std::snprintf(buffer, sizeof(buffer), "\\u%04X", c);
          out += buffer;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string_view Str(yyjson_val* value) {
  return {unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
}

std::string NumberText(yyjson_val* value) {
  switch (unsafe_yyjson_get_subtype(value)) {
    case YYJSON_SUBTYPE_UINT: return std::to_string(unsafe_yyjson_get_uint(value));
    case YYJSON_SUBTYPE_SINT: return std::to_string(unsafe_yyjson_get_sint(value));
    default: return DoubleText(unsafe_yyjson_get_real(value));
  }
}

// The value again as JSON, without blanks.
void AppendJson(std::string& out, yyjson_val* value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_RAW: out += Str(value); break;
    case YYJSON_TYPE_NULL: out += "null"; break;
    case YYJSON_TYPE_BOOL: out += unsafe_yyjson_get_bool(value) ? "true" : "false"; break;
    case YYJSON_TYPE_NUM: out += NumberText(value); break;
    case YYJSON_TYPE_STR: AppendQuoted(out, Str(value)); break;
    case YYJSON_TYPE_ARR: {
      out += '[';
      yyjson_arr_iter iterator;
      yyjson_arr_iter_init(value, &iterator);
      bool first = true;
      while (auto child = yyjson_arr_iter_next(&iterator)) {
        if (!first) out += ',';
        first = false;
        AppendJson(out, child);
      }
      out += ']';
      break;
    }
    default: {
      out += '{';
      yyjson_obj_iter iterator;
      yyjson_obj_iter_init(value, &iterator);
      bool first = true;
      while (auto key = yyjson_obj_iter_next(&iterator)) {
        if (!first) out += ',';
        first = false;
        AppendQuoted(out, Str(key));
        out += ':';
        AppendJson(out, yyjson_obj_iter_get_val(key));
      }
      out += '}';
    }
  }
}

// ---- get_json_object ----

struct Step {
  enum Kind { kName, kIndex, kAny } kind = kName;
  std::string name;
  size_t index = 0;
};

bool ParsePath(std::string_view path, std::vector<Step>& steps) {
  if (path.empty() || path[0] != '$') return false;
  for (size_t at = 1; at < path.size();) {
    Step step;
    if (path[at] == '.') {
      const size_t end = std::min(path.find_first_of(".[", at + 1), path.size());
      step.name = std::string(path.substr(at + 1, end - at - 1));
      if (step.name.empty()) return false;
      if (step.name == "*") step.kind = Step::kAny;
      at = end;
    } else if (path[at] == '[') {
      const bool quoted = at + 1 < path.size() && path[at + 1] == '\'';
      const size_t end = quoted ? path.find("']", at + 2) : path.find(']', at);
      if (end == std::string_view::npos) return false;
      const auto inner =
          quoted ? path.substr(at + 2, end - at - 2) : path.substr(at + 1, end - at - 1);
      if (quoted) {
        step.name = std::string(inner);
        if (step.name == "*") step.kind = Step::kAny;
      } else if (inner == "*") {
        step.kind = Step::kAny;
      } else {
        auto index = ParseIntegral(inner);
        if (!index || *index < 0) return false;
        step.kind = Step::kIndex;
        step.index = static_cast<size_t>(*index);
      }
      at = end + (quoted ? 2 : 1);
    } else {
      return false;
    }
    steps.push_back(std::move(step));
  }
  return true;
}

void Follow(yyjson_val* value, const std::vector<Step>& steps, size_t at,
            std::vector<yyjson_val*>& found) {
  if (!value) return;
  if (at == steps.size()) {
    found.push_back(value);
    return;
  }
  const auto& step = steps[at];
  if (step.kind == Step::kName) {
    // A name reaches through an array of objects.
    if (yyjson_is_obj(value))
      Follow(yyjson_obj_getn(value, step.name.data(), step.name.size()), steps, at + 1, found);
  } else if (step.kind == Step::kIndex) {
    if (yyjson_is_arr(value)) Follow(yyjson_arr_get(value, step.index), steps, at + 1, found);
  } else if (yyjson_is_arr(value)) {
    yyjson_arr_iter iterator;
    yyjson_arr_iter_init(value, &iterator);
    while (auto child = yyjson_arr_iter_next(&iterator)) Follow(child, steps, at + 1, found);
  } else if (yyjson_is_obj(value)) {
    yyjson_obj_iter iterator;
    yyjson_obj_iter_init(value, &iterator);
    while (auto key = yyjson_obj_iter_next(&iterator))
      Follow(yyjson_obj_iter_get_val(key), steps, at + 1, found);
  }
}

void GetJsonObject(RowIn& in, RowOut& out) {
  static thread_local std::string last_path;
  static thread_local std::vector<Step> steps;
  static thread_local bool valid = false;
  if (in.Text(1) != last_path || last_path.empty()) {
    last_path = std::string(in.Text(1));
    steps.clear();
    valid = ParsePath(last_path, steps);
  }
  if (!valid) return out.Null();
  JsonDocument document(in.Text(0));
  if (!document.root()) return out.Null();
  std::vector<yyjson_val*> found;
  Follow(document.root(), steps, 0, found);
  std::string text;
  if (found.empty()) return out.Null();
  if (found.size() > 1) {
    for (auto value : found) {
      text += text.empty() ? '[' : ',';
      AppendJson(text, value);
    }
    return out.Text(text + "]");
  }
  bool any = false;
  for (auto& step : steps) any |= step.kind == Step::kAny;
  if (yyjson_is_null(found[0])) return out.Null();
  if (yyjson_is_str(found[0]) && !any) return out.Text(Str(found[0]));
  AppendJson(text, found[0]);
  out.Text(text);
}

// ---- from_json ----

class JsonReader {
 public:
  JsonReader(ClientContext& context, const Zone& zone) : context_(context), zone_(zone) {}

  // Writes row `row`; a value that does not fit the type becomes NULL.
  void Write(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    if (!value || yyjson_is_null(value) || !TryWrite(value, type, target, row))
      FlatVector::SetNull(target, row, true);
  }

 private:
  template <class T>
  static void Set(Vector& target, idx_t row, T value) {
    FlatVector::GetData<T>(target)[row] = value;
  }

  template <class T>
  bool Integral(yyjson_val* value, Vector& target, idx_t row) {
    if (!yyjson_is_int(value)) return false;
    if (unsafe_yyjson_is_uint(value) &&
        unsafe_yyjson_get_uint(value) > static_cast<uint64_t>(NumericLimits<int64_t>::Maximum())) {
      return false;
    }
    const int64_t number = unsafe_yyjson_get_sint(value);
    if (number < NumericLimits<T>::Minimum() || number > NumericLimits<T>::Maximum()) return false;
    Set<T>(target, row, static_cast<T>(number));
    return true;
  }

  bool Real(yyjson_val* value, double& number) {
    if (yyjson_is_num(value)) {
      number = yyjson_get_num(value);
      return true;
    }
    if (yyjson_get_type(value) == YYJSON_TYPE_RAW) {
      number = ParseDouble(Str(value)).value_or(0);
      return true;
    }
    if (!yyjson_is_str(value)) return false;
    const auto text = Str(value);
    if (text != "NaN" && text != "Infinity" && text != "-Infinity" && text != "+Infinity" &&
        text != "INF" && text != "-INF" && text != "+INF") {
      return false;
    }
    number = text == "NaN" ? std::nan("")
                           : (text[0] == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
    return true;
  }

  bool Decimal(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    std::string text;
    if (yyjson_is_str(value) || yyjson_get_type(value) == YYJSON_TYPE_RAW) {
      text = std::string(Str(value));
    } else if (yyjson_is_num(value)) {
      text = NumberText(value);
    } else {
      return false;
    }
    auto parsed = ParseDecimal(text, duckdb::DecimalType::GetWidth(type),
                               duckdb::DecimalType::GetScale(type));
    if (!parsed || parsed->overflow) return false;
    switch (type.InternalType()) {
      case PhysicalType::INT16:
        Set<int16_t>(target, row, Hugeint::Cast<int16_t>(parsed->value));
        break;
      case PhysicalType::INT32:
        Set<int32_t>(target, row, Hugeint::Cast<int32_t>(parsed->value));
        break;
      case PhysicalType::INT64:
        Set<int64_t>(target, row, Hugeint::Cast<int64_t>(parsed->value));
        break;
      default: Set<hugeint_t>(target, row, parsed->value);
    }
    return true;
  }

  bool Moment(yyjson_val* value, LogicalTypeId type, Vector& target, idx_t row) {
    if (!yyjson_is_str(value)) return false;
    if (type == LogicalTypeId::DATE) {
      auto day = ParseDate(Str(value));
      if (day) Set<int32_t>(target, row, *day);
      return day.has_value();
    }
    auto parsed = ParseTimestamp(Str(value));
    if (!parsed) return false;
    if (type == LogicalTypeId::TIMESTAMP) {
      Set<int64_t>(target, row, parsed->local);
      return parsed->zone.empty();
    }
    if (parsed->zone.empty()) {
      Set<int64_t>(target, row, zone_.ToInstant(parsed->local));
      return true;
    }
    auto own = TryFindZone(context_, parsed->zone);
    if (own) Set<int64_t>(target, row, own->ToInstant(parsed->local));
    return own != nullptr;
  }

  bool List(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    if (!yyjson_is_arr(value)) return false;
    const auto size = yyjson_arr_size(value);
    const auto offset = ListVector::GetListSize(target);
    ListVector::Reserve(target, offset + size);
    ListVector::SetListSize(target, offset + size);
    Set<list_entry_t>(target, row, {offset, size});
    yyjson_arr_iter iterator;
    yyjson_arr_iter_init(value, &iterator);
    for (idx_t i = 0; auto child = yyjson_arr_iter_next(&iterator); i++) {
      Write(child, ListType::GetChildType(type), ListVector::GetEntry(target), offset + i);
    }
    return true;
  }

  bool Map(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    if (!yyjson_is_obj(value) || MapType::KeyType(type).id() != LogicalTypeId::VARCHAR)
      return false;
    const auto size = yyjson_obj_size(value);
    const auto offset = ListVector::GetListSize(target);
    ListVector::Reserve(target, offset + size);
    ListVector::SetListSize(target, offset + size);
    Set<list_entry_t>(target, row, {offset, size});
    yyjson_obj_iter iterator;
    yyjson_obj_iter_init(value, &iterator);
    for (idx_t i = 0; auto key = yyjson_obj_iter_next(&iterator); i++) {
      auto& keys = MapVector::GetKeys(target);
      Set<string_t>(keys, offset + i,
                    StringVector::AddString(keys, Str(key).data(), Str(key).size()));
      Write(yyjson_obj_iter_get_val(key), MapType::ValueType(type), MapVector::GetValues(target),
            offset + i);
    }
    return true;
  }

  bool Struct(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    if (!yyjson_is_obj(value)) return false;
    auto& fields = StructType::GetChildTypes(type);
    auto& children = StructVector::GetEntries(target);
    for (idx_t i = 0; i < fields.size(); i++) {
      Write(yyjson_obj_getn(value, fields[i].first.data(), fields[i].first.size()),
            fields[i].second, *children[i], row);
    }
    return true;
  }

  bool TryWrite(yyjson_val* value, const LogicalType& type, Vector& target, idx_t row) {
    double number = 0;
    switch (type.id()) {
      case LogicalTypeId::VARCHAR: {
        std::string text;
        if (!yyjson_is_str(value)) AppendJson(text, value);
        const auto view = yyjson_is_str(value) ? Str(value) : std::string_view(text);
        Set<string_t>(target, row, StringVector::AddString(target, view.data(), view.size()));
        return true;
      }
      case LogicalTypeId::BOOLEAN:
        if (!yyjson_is_bool(value)) return false;
        Set<bool>(target, row, yyjson_get_bool(value));
        return true;
      case LogicalTypeId::TINYINT: return Integral<int8_t>(value, target, row);
      case LogicalTypeId::SMALLINT: return Integral<int16_t>(value, target, row);
      case LogicalTypeId::INTEGER: return Integral<int32_t>(value, target, row);
      case LogicalTypeId::BIGINT: return Integral<int64_t>(value, target, row);
      case LogicalTypeId::DOUBLE:
        if (!Real(value, number)) return false;
        Set<double>(target, row, number);
        return true;
      case LogicalTypeId::FLOAT:
        if (!Real(value, number)) return false;
        Set<float>(target, row, static_cast<float>(number));
        return true;
      case LogicalTypeId::DECIMAL: return Decimal(value, type, target, row);
      case LogicalTypeId::DATE:
      case LogicalTypeId::TIMESTAMP:
      case LogicalTypeId::TIMESTAMP_TZ: return Moment(value, type.id(), target, row);
      case LogicalTypeId::BLOB: {
        if (!yyjson_is_str(value)) return false;
        const auto size = Blob::FromBase64Size(
            string_t(Str(value).data(), static_cast<uint32_t>(Str(value).size())));
        auto bytes = StringVector::EmptyString(target, size);
        Blob::FromBase64(string_t(Str(value).data(), static_cast<uint32_t>(Str(value).size())),
                         data_ptr_cast(bytes.GetDataWriteable()), size);
        bytes.Finalize();
        Set<string_t>(target, row, bytes);
        return true;
      }
      case LogicalTypeId::LIST: return List(value, type, target, row);
      case LogicalTypeId::MAP: return Map(value, type, target, row);
      case LogicalTypeId::STRUCT: return Struct(value, type, target, row);
      default: return false;
    }
  }

  ClientContext& context_;
  const Zone& zone_;
};

Expr BindFromJson(FunctionCall& call) {
  Value schema;
  if (!call.Constant(1, schema) || schema.IsNull())
    call.Refuse("the schema must be a constant string");
  auto type = ParseSchema(schema.ToString());
  if (!type)
    call.Refuse("'" + schema.ToString() + "' is no schema; write it like 'a INT, b STRING'");
  Exprs args;
  args.push_back(call.Text(call.Take(0)));
  const auto target = *type;
  auto each = [target](ClientContext& context, const Zone& zone, RowIn& in, RowOut& out) {
    const auto text = in.Text(0);
    if (TrimAll(text).empty()) return out.Null();
    JsonDocument document(text);
    // An array of one schema where a struct is wanted, or the reverse, is not what was asked for.
    if (document.root()) {
      JsonReader(context, zone).Write(document.root(), target, out.result(), out.row);
      if (target.id() != LogicalTypeId::STRUCT || yyjson_is_obj(document.root())) return;
      FlatVector::Validity(out.result()).SetValid(out.row);
    }
    if (target.id() != LogicalTypeId::STRUCT) return out.Null();
    // Malformed text gives a row of NULLs.
    for (auto& child : StructVector::GetEntries(out.result()))
      FlatVector::SetNull(*child, out.row, true);
  };
  return Native("from_json_" + schema.ToString(), target, EachRowWithZone(each), std::move(args));
}

// ---- to_json ----

void WriteJson(std::string& out, const Value& value, const Zone& zone);

void WriteNestedJson(std::string& out, const Value& value, const Zone& zone) {
  switch (value.type().id()) {
    case LogicalTypeId::LIST: {
      out += '[';
      bool first = true;
      for (auto& child : ListValue::GetChildren(value)) {
        if (!first) out += ',';
        first = false;
        WriteJson(out, child, zone);
      }
      out += ']';
      break;
    }
    case LogicalTypeId::MAP: {
      out += '{';
      bool first = true;
      for (auto& entry : MapValue::GetChildren(value)) {
        auto& pair = StructValue::GetChildren(entry);
        if (!first) out += ',';
        first = false;
        AppendQuoted(out, ValueText(pair[0], zone));
        out += ':';
        WriteJson(out, pair[1], zone);
      }
      out += '}';
      break;
    }
    case LogicalTypeId::STRUCT: {
      out += '{';
      bool first = true;
      auto& children = StructValue::GetChildren(value);
      for (idx_t i = 0; i < children.size(); i++) {
        if (children[i].IsNull()) continue;  // Spark leaves NULL fields out
        if (!first) out += ',';
        first = false;
        AppendQuoted(out, StructType::GetChildName(value.type(), i));
        out += ':';
        WriteJson(out, children[i], zone);
      }
      out += '}';
      break;
    }
    default: break;
  }
}

void WriteJson(std::string& out, const Value& value, const Zone& zone) {
  if (value.IsNull()) {
    out += "null";
    return;
  }
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::HUGEINT: out += value.ToString(); break;
    case LogicalTypeId::DECIMAL: out += ValueText(value, zone); break;
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const auto text = ValueText(value, zone);
      std::isfinite(value.GetValue<double>()) ? void(out += text) : AppendQuoted(out, text);
      break;
    }
    case LogicalTypeId::TIMESTAMP_TZ: {
      const auto instant = value.GetValueUnsafe<int64_t>();
      const auto offset = zone.OffsetAt(instant);
      static const auto pattern = CompileTimePattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
      AppendQuoted(out, pattern->Format(instant + offset, offset, zone, instant));
      break;
    }
    case LogicalTypeId::TIMESTAMP: {
      static const auto pattern = CompileTimePattern("yyyy-MM-dd'T'HH:mm:ss.SSS");
      AppendQuoted(out, pattern->Format(value.GetValueUnsafe<int64_t>(), 0, zone, 0));
      break;
    }
    case LogicalTypeId::BLOB:
      AppendQuoted(out, Blob::ToBase64(string_t(StringValue::Get(value))));
      break;
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT: WriteNestedJson(out, value, zone); break;
    default: AppendQuoted(out, ValueText(value, zone));
  }
}

Expr BindToJson(FunctionCall& call) {
  if (call.IsNull(0)) return Literal(Value(kText));
  const auto id = call.Id(0);
  if (id != LogicalTypeId::STRUCT && id != LogicalTypeId::LIST && id != LogicalTypeId::MAP) {
    call.Refuse("takes a struct, array or map, not " + SparkTypeName(call.Type(0)));
  }
  Exprs args;
  args.push_back(call.Take(0));
  return Native("to_json", kText,
                EachRowWithZone([](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                  std::string text;
                  WriteJson(text, in.Boxed(0), zone);
                  out.Text(text);
                }),
                std::move(args));
}

void ArrayLength(RowIn& in, RowOut& out) {
  JsonDocument document(in.Text(0));
  if (!document.root() || !yyjson_is_arr(document.root())) return out.Null();
  out.Set<int32_t>(static_cast<int32_t>(yyjson_arr_size(document.root())));
}

void ObjectKeys(RowIn& in, RowOut& out) {
  JsonDocument document(in.Text(0));
  if (!document.root() || !yyjson_is_obj(document.root())) return out.Null();
  vector<std::string> keys;
  yyjson_obj_iter iterator;
  yyjson_obj_iter_init(document.root(), &iterator);
  while (auto key = yyjson_obj_iter_next(&iterator)) keys.emplace_back(Str(key));
  out.Texts(keys);
}

std::string SchemaOf(yyjson_val* value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_BOOL: return "BOOLEAN";
    case YYJSON_TYPE_NUM: return yyjson_is_int(value) ? "BIGINT" : "DOUBLE";
    case YYJSON_TYPE_ARR: {
      auto first = yyjson_arr_get_first(value);
      return "ARRAY<" + (first ? SchemaOf(first) : std::string("STRING")) + ">";
    }
    case YYJSON_TYPE_OBJ: {
      std::map<std::string, std::string> fields;
      yyjson_obj_iter iterator;
      yyjson_obj_iter_init(value, &iterator);
      while (auto key = yyjson_obj_iter_next(&iterator)) {
        fields[std::string(Str(key))] = SchemaOf(yyjson_obj_iter_get_val(key));
      }
      std::string text = "STRUCT<";
      for (auto& [name, type] : fields) text += (text.size() > 7 ? ", " : "") + name + ": " + type;
      return text + ">";
    }
    default: return "STRING";
  }
}

}  // namespace

void RegisterJsonFunctions(FunctionTable& table) {
  RegisterNative(table, {"get_json_object", {kText, kText}, kText, EachRow(GetJsonObject)});
  RegisterBinding(table, "from_json", 2, 3, BindFromJson);
  RegisterBinding(table, "to_json", 1, 2, BindToJson);
  RegisterNative(table, {"json_array_length", {kText}, kInt, EachRow(ArrayLength)});
  RegisterNative(table,
                 {"json_object_keys", {kText}, LogicalType::LIST(kText), EachRow(ObjectKeys)});
  RegisterNative(table, {"schema_of_json", {kText}, kText, EachRow([](RowIn& in, RowOut& out) {
                           JsonDocument document(in.Text(0));
                           out.Text(document.root() ? SchemaOf(document.root()) : "STRING");
                         })});
}

}  // namespace tarn::dialect
