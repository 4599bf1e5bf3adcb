#include "transform/project/relation.h"

#include <algorithm>
#include <functional>

#include "transform/project/value_json.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::MakeFunction;
using jinja::Value;

Value Text(const std::string& text) { return text.empty() ? Value::None() : Value(text); }

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void SetFlag(const CallArgs& args, size_t index, std::string_view name, bool* flag) {
  if (const Value* value = args.Find(index, name)) *flag = value->Truthy();
}

std::string TextOf(const Value* value) {
  return value == nullptr || value->is_none() || value->is_undefined() ? "" : value->Str();
}

// A method that gives a changed copy.
Value Changed(const Relation& relation, std::function<Status(CallArgs&, Relation::Parts&)> change) {
  return MakeFunction("Relation",
                      [parts = relation.parts(), change](CallArgs& args) -> Result<Value> {
                        Relation::Parts copy = parts;
                        TARN_RETURN_IF_ERROR(change(args, copy));
                        return Value(jinja::MakeRef<Relation>(std::move(copy)));
                      });
}

Value PathOf(const Relation::Parts& parts) {
  return Value::MakeDict({{"database", Text(parts.database)},
                          {"schema", Text(parts.schema)},
                          {"identifier", Text(parts.identifier)}});
}

Value Metadata() { return Value::MakeDict({{"type", Value("TarnRelation")}}); }

Status Incorporate(CallArgs& args, Relation::Parts& parts) {
  for (const auto& [name, value] : args.named) {
    if (name == "type") parts.type = TextOf(&value);
    if (name == "limit") parts.limit = value.is_none() ? -1 : value.as_int();
    if (name == "path" && value.is_dict()) {
      if (const Value* v = value.dict().Find(std::string_view("database")))
        parts.database = TextOf(v);
      if (const Value* v = value.dict().Find(std::string_view("schema"))) parts.schema = TextOf(v);
      if (const Value* v = value.dict().Find(std::string_view("identifier")))
        parts.identifier = TextOf(v);
    }
    if (name == "quote_policy" && value.is_dict()) {
      if (const Value* v = value.dict().Find(std::string_view("database")))
        parts.quote_database = v->Truthy();
      if (const Value* v = value.dict().Find(std::string_view("schema")))
        parts.quote_schema = v->Truthy();
      if (const Value* v = value.dict().Find(std::string_view("identifier")))
        parts.quote_identifier = v->Truthy();
    }
    if (name == "include_policy" && value.is_dict()) {
      if (const Value* v = value.dict().Find(std::string_view("database")))
        parts.include_database = v->Truthy();
      if (const Value* v = value.dict().Find(std::string_view("schema")))
        parts.include_schema = v->Truthy();
      if (const Value* v = value.dict().Find(std::string_view("identifier")))
        parts.include_identifier = v->Truthy();
    }
  }
  return Status::Ok();
}

bool MatchesName(const std::string& own, const Value* wanted) {
  return wanted == nullptr || wanted->is_none() || Lower(own) == Lower(wanted->Str());
}

// Methods that give text and answers.
std::optional<Value> TextMethod(const Relation& relation, std::string_view name) {
  const Relation::Parts& parts = relation.parts();
  if (name == "render" || name == "render_limited") {
    return MakeFunction("render",
                        [text = name == "render" ? relation.Render() : relation.Str()](
                            CallArgs&) -> Result<Value> { return Value(text); });
  }
  if (name == "quoted") {
    return MakeFunction("quoted", [quote = parts.quote](CallArgs& args) -> Result<Value> {
      return Value(QuoteName(TextOf(args.Find(0, "identifier")), quote));
    });
  }
  if (name == "matches") {
    return MakeFunction("matches", [parts](CallArgs& args) -> Result<Value> {
      return Value(MatchesName(parts.database, args.Find(0, "database")) &&
                   MatchesName(parts.schema, args.Find(1, "schema")) &&
                   MatchesName(parts.identifier, args.Find(2, "identifier")));
    });
  }
  if (name == "get") {
    return MakeFunction("get", [parts](CallArgs& args) -> Result<Value> {
      Relation copy(parts);
      TARN_ASSIGN_OR_RETURN(const auto found,
                            copy.GetAttr(args.session, TextOf(args.Find(0, "key"))));
      return found ? *found : args.Get(1, "default");
    });
  }
  return std::nullopt;
}

std::optional<Value> RelationMethod(const Relation& relation, std::string_view name) {
  if (name == "include") {
    return Changed(relation, [](CallArgs& args, Relation::Parts& p) {
      SetFlag(args, 0, "database", &p.include_database);
      SetFlag(args, 1, "schema", &p.include_schema);
      SetFlag(args, 2, "identifier", &p.include_identifier);
      return Status::Ok();
    });
  }
  if (name == "quote") {
    return Changed(relation, [](CallArgs& args, Relation::Parts& p) {
      SetFlag(args, 0, "database", &p.quote_database);
      SetFlag(args, 1, "schema", &p.quote_schema);
      SetFlag(args, 2, "identifier", &p.quote_identifier);
      return Status::Ok();
    });
  }
  if (name == "incorporate" || name == "replace") return Changed(relation, Incorporate);
  if (name == "replace_path") {
    return Changed(relation, [](CallArgs& args, Relation::Parts& p) {
      for (const auto& [key, value] : args.named) {
        if (key == "database") p.database = TextOf(&value);
        if (key == "schema") p.schema = TextOf(&value);
        if (key == "identifier") p.identifier = TextOf(&value);
      }
      return Status::Ok();
    });
  }
  if (name == "without_identifier") {
    return Changed(relation, [](CallArgs&, Relation::Parts& p) {
      p.include_identifier = false;
      return Status::Ok();
    });
  }
  if (name == "information_schema") {
    return Changed(relation, [](CallArgs& args, Relation::Parts& p) {
      p.schema = "information_schema";
      p.identifier = TextOf(args.Find(0, "view_name"));
      p.quote_schema = p.quote_identifier = false;
      p.include_identifier = !p.identifier.empty();
      return Status::Ok();
    });
  }
  return TextMethod(relation, name);
}

Result<Value> CreateRelation(char quote, CallArgs& args) {
  Relation::Parts parts;
  parts.quote = quote;
  parts.database = TextOf(args.Find(0, "database"));
  parts.schema = TextOf(args.Find(1, "schema"));
  parts.identifier = TextOf(args.Find(2, "identifier"));
  parts.type = TextOf(args.Find(3, "type"));
  TARN_RETURN_IF_ERROR(Incorporate(args, parts));
  parts.include_database = parts.include_database && !parts.database.empty();
  parts.include_schema = parts.include_schema && !parts.schema.empty();
  parts.include_identifier = parts.include_identifier && !parts.identifier.empty();
  return Value(jinja::MakeRef<Relation>(std::move(parts)));
}

Result<Value> CreateColumn(char quote, CallArgs& args) {
  std::string type = TextOf(args.Find(1, "label_or_dtype"));
  if (type.empty()) type = TextOf(args.Find(1, "dtype"));
  std::string name = TextOf(args.Find(0, "name"));
  if (name.empty()) name = TextOf(args.Find(0, "column"));
  return Value(jinja::MakeRef<ColumnObject>(name, type, quote));
}

// api.Relation, api.Column: callable, with create and translate_type.
class Maker final : public jinja::Object {
 public:
  Maker(std::string name, char quote, Result<Value> (*make)(char, CallArgs&))
      : name_(std::move(name)), quote_(quote), make_(make) {}
  std::string_view TypeName() const override { return name_; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return make_(quote_, args); }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "create" || name == "from_name") {
      return std::optional<Value>(MakeFunction(
          "create", [make = make_, quote = quote_](CallArgs& args) { return make(quote, args); }));
    }
    if (name == "translate_type") {
      return std::optional<Value>(
          MakeFunction("translate_type", [](CallArgs& args) -> Result<Value> {
            const std::string type = TextOf(args.Find(0, "dtype"));
            const std::string lower = Lower(type);
            if (lower == "string") return Value("TEXT");
            return Value(type);
          }));
    }
    if (name == "string_type") {
      return std::optional<Value>(MakeFunction("string_type", [](CallArgs& args) -> Result<Value> {
        return Value("character varying(" + TextOf(args.Find(0, "size")) + ")");
      }));
    }
    if (name == "numeric_type") {
      return std::optional<Value>(MakeFunction("numeric_type", [](CallArgs& args) -> Result<Value> {
        return Value(TextOf(args.Find(0, "dtype")) + "(" + TextOf(args.Find(1, "precision")) + "," +
                     TextOf(args.Find(2, "scale")) + ")");
      }));
    }
    if (name == "View" || name == "Table" || name == "CTE" || name == "External") {
      return std::optional<Value>(Value(Lower(std::string(name))));
    }
    return std::optional<Value>();
  }

 private:
  std::string name_;
  char quote_;
  Result<Value> (*make_)(char, CallArgs&);
};

std::string BaseType(const std::string& type) { return Lower(type.substr(0, type.find('('))); }

Value Number(const std::string& type, int which) {
  const size_t open = type.find('(');
  if (open == std::string::npos) return Value::None();
  const char* at = type.c_str() + open + 1;
  char* end = nullptr;
  long number = std::strtol(at, &end, 10);
  if (which == 1) {
    if (*end != ',') return Value::None();
    number = std::strtol(end + 1, nullptr, 10);
  }
  return Value(static_cast<int64_t>(number));
}

bool IsOneOf(const std::string& text, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* item) { return text == item; });
}

}  // namespace

std::string QuoteName(std::string_view name, char quote) {
  std::string out(1, quote);
  for (const char c : name) {
    out += c;
    if (c == quote) out += c;
  }
  return out + quote;
}

char QuoteCharacter(std::string_view dialect) { return dialect == "spark" ? '`' : '"'; }

std::string Relation::Render() const {
  if (!parts_.verbatim.empty()) return parts_.verbatim;
  std::string out;
  const auto add = [&](const std::string& part, bool include, bool quoted) {
    if (!include || part.empty()) return;
    if (!out.empty()) out += '.';
    out += quoted ? QuoteName(part, parts_.quote) : part;
  };
  add(parts_.database, parts_.include_database, parts_.quote_database);
  add(parts_.schema, parts_.include_schema, parts_.quote_schema);
  add(parts_.identifier, parts_.include_identifier, parts_.quote_identifier);
  return out;
}

std::string Relation::Str() const {
  const std::string name = Render();
  if (parts_.limit < 0 && parts_.event_filter.empty()) return name;
  std::string out = "(select * from " + name;
  if (!parts_.event_filter.empty()) out += " where " + parts_.event_filter;
  if (parts_.limit == 0) out += parts_.event_filter.empty() ? " where false" : " and false";
  out += parts_.limit >= 0 ? " limit " + std::to_string(parts_.limit) + ")" : ")";
  std::string alias = "_dbt_" + std::string(parts_.limit >= 0 ? "limit" : "et_filter") + "_subq_" +
                      parts_.identifier;
  return parts_.require_alias ? out + " " + alias : out;
}

bool Relation::Equals(const Value& other) const {
  const Relation* relation = other.As<Relation>();
  return relation != nullptr && relation->Render() == Render();
}

std::optional<std::vector<std::pair<Value, Value>>> Relation::Items() const {
  return std::vector<std::pair<Value, Value>>{{Value("path"), PathOf(parts_)},
                                              {Value("type"), Text(parts_.type)},
                                              {Value("metadata"), Metadata()}};
}

Result<uint64_t> Relation::HashOf() const { return std::hash<std::string>()(Render()); }

Result<std::optional<Value>> Relation::GetAttr(jinja::Session&, std::string_view name) {
  using Found = std::optional<Value>;
  if (name == "database") return Found(Text(parts_.database));
  if (name == "schema") return Found(Text(parts_.schema));
  if (name == "identifier" || name == "name" || name == "table")
    return Found(Text(parts_.identifier));
  if (name == "type") return Found(Text(parts_.type));
  if (name == "path") return Found(PathOf(parts_));
  if (name == "metadata") return Found(Metadata());
  if (name == "is_table") return Found(Value(parts_.type == "table"));
  if (name == "is_view") return Found(Value(parts_.type == "view"));
  if (name == "is_cte") return Found(Value(parts_.type == "cte"));
  if (name == "is_materialized_view") return Found(Value(false));
  if (name == "is_delta") return Found(Value(parts_.type == "table"));
  if (name == "is_hudi" || name == "is_iceberg") return Found(Value(false));
  if (name == "can_be_renamed" || name == "can_be_replaced") return Found(Value(true));
  if (name == "quote_character") return Found(Value(std::string(1, parts_.quote)));
  if (name == "meta") return Found(ToValue(parts_.meta));
  if (name == "source_meta") return Found(ToValue(parts_.meta));
  if (name == "quote_policy") {
    return Found(Value::MakeDict({{"database", Value(parts_.quote_database)},
                                  {"schema", Value(parts_.quote_schema)},
                                  {"identifier", Value(parts_.quote_identifier)}}));
  }
  if (name == "include_policy") {
    return Found(Value::MakeDict({{"database", Value(parts_.include_database)},
                                  {"schema", Value(parts_.include_schema)},
                                  {"identifier", Value(parts_.include_identifier)}}));
  }
  return RelationMethod(*this, name);
}

bool ColumnObject::Equals(const Value& other) const {
  const ColumnObject* column = other.As<ColumnObject>();
  return column != nullptr && column->name_ == name_ && column->type_ == type_;
}

Result<std::optional<Value>> ColumnObject::GetAttr(jinja::Session&, std::string_view name) {
  using Found = std::optional<Value>;
  const std::string base = BaseType(type_);
  const auto is = [&](bool answer) {
    return Found(
        MakeFunction("is_type", [answer](CallArgs&) -> Result<Value> { return Value(answer); }));
  };
  if (name == "name" || name == "column") return Found(Value(name_));
  if (name == "dtype") return Found(Value(type_.substr(0, type_.find('('))));
  if (name == "data_type") return Found(Value(type_));
  if (name == "quoted") return Found(Value(QuoteName(name_, quote_)));
  if (name == "char_size") return Found(Value::None());
  if (name == "numeric_precision") return Found(Number(type_, 0));
  if (name == "numeric_scale") return Found(Number(type_, 1));
  if (name == "is_string") {
    return is(IsOneOf(base, {"text", "character varying", "character", "varchar", "string"}));
  }
  if (name == "is_integer") {
    return is(IsOneOf(
        base, {"smallint", "integer", "bigint", "tinyint", "int", "hugeint", "int2", "int4", "int8",
               "long", "short", "byte", "utinyint", "usmallint", "uinteger", "ubigint"}));
  }
  if (name == "is_float") {
    return is(IsOneOf(base, {"real", "float", "double", "float4", "float8", "double precision"}));
  }
  if (name == "is_numeric") return is(IsOneOf(base, {"numeric", "decimal"}));
  if (name == "is_number") {
    return is(IsOneOf(base, {"smallint", "integer", "bigint", "tinyint", "int", "hugeint", "real",
                             "float", "double", "numeric", "decimal", "int4", "int8", "float8",
                             "long", "utinyint", "usmallint", "uinteger", "ubigint"}));
  }
  if (name == "string_size") {
    return Found(
        MakeFunction("string_size", [](CallArgs&) -> Result<Value> { return Value(256); }));
  }
  if (name == "can_expand_to") return is(false);
  return Found();
}

Relation::Parts RelationOf(const Node& node, char quote) {
  Relation::Parts parts;
  parts.database = node.database;
  parts.schema = node.schema;
  const bool source = node.type == ResourceType::kSource;
  parts.identifier = source ? node.identifier : node.alias;
  parts.quote = quote;
  const Json& quoting = source ? Member(node.extra, "quoting") : Member(node.config, "quoting");
  parts.quote_database = BoolMember(quoting, "database", true);
  parts.quote_schema = BoolMember(quoting, "schema", true);
  parts.quote_identifier = BoolMember(quoting, "identifier", true);
  if (source) parts.meta = node.meta;
  const std::string materialized = node.Materialized();
  if (materialized == "view") parts.type = "view";
  if (materialized == "table" || materialized == "incremental" || materialized == "seed" ||
      materialized == "snapshot") {
    parts.type = "table";
  }
  return parts;
}

Value MakeApi(char quote) {
  return Value::MakeDict(
      {{"Relation", Value(jinja::MakeRef<Maker>("Relation", quote, &CreateRelation))},
       {"Column", Value(jinja::MakeRef<Maker>("Column", quote, &CreateColumn))}});
}

}  // namespace tarn::transform
