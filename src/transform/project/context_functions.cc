#include "transform/project/context_functions.h"

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "base/hash.h"
#include "jinja/error.h"
#include "jinja/modules.h"
#include "transform/project/dbt_names.h"
#include "transform/project/relation.h"
#include "transform/project/value_json.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::MakeFunction;
using jinja::Value;

std::string TextOf(const Value* value) {
  return value == nullptr || value->is_none() || value->is_undefined() ? "" : value->Str();
}

Result<Value> EnvVar(CallArgs& args) {
  const std::string name = TextOf(args.Find(0, "var"));
  const Value* fallback = args.Find(1, "default");
  const char* set = std::getenv(name.c_str());
  RenderScope& scope = RenderScope::Of(args.session);
  if (scope.inputs != nullptr) scope.inputs->NoteEnvironment(name);
  if (set != nullptr) return Value(set);
  if (fallback != nullptr && !fallback->is_none()) return *fallback;
  return jinja::MakeError("EnvVarMissingError", "Env var required but not provided: '" + name +
                                                    "'; set it or give env_var() a default");
}

Result<Value> ToJsonText(CallArgs& args) {
  const Value value = args.Get(0, "value");
  const Value* sort = args.Find(2, "sort_keys");
  return Value(PythonJson(ToJson(value), sort != nullptr && sort->Truthy()));
}

Result<Value> FromJsonText(CallArgs& args) {
  const std::string text = TextOf(args.Find(0, "string"));
  const Json tree = Json::parse(text, nullptr, false);
  if (tree.is_discarded()) return args.Get(1, "default");
  return ToValue(tree);
}

Result<Value> FromYamlText(CallArgs& args) {
  auto tree = ParseYaml(TextOf(args.Find(0, "value")), "fromyaml");
  if (!tree.ok()) return args.Get(1, "default");
  return ToValue(*tree);
}

Result<Value> ToYamlText(CallArgs& args) { return Value(WriteYaml(ToJson(args.Get(0, "value")))); }

Result<Value> Log(CallArgs& args) {
  const Value* info = args.Find(1, "info");
  TARN_ASSIGN_OR_RETURN(const std::string text, args.session.Text(args.Get(0, "msg", "")));
  RenderScope::Of(args.session).Log(text, info != nullptr && info->Truthy());
  return Value("");
}

Result<Value> Print(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const std::string text, args.session.Text(args.Get(0, "msg", "")));
  if (RenderScope::Of(args.session).execute) RenderScope::Of(args.session).Log(text, true);
  return Value("");
}

Result<Value> MakeSet(CallArgs& args, bool strict) {
  auto set = jinja::MakeRef<jinja::Set>();
  auto items = args.session.List(args.Get(0, "value"));
  if (!items.ok()) {
    if (strict) return items.status();
    return args.Get(1, "default");
  }
  for (const Value& item : *items) TARN_RETURN_IF_ERROR(set->Add(item));
  return Value(set);
}

Result<Value> Zip(CallArgs& args, bool strict) {
  std::vector<jinja::ValueList> lists;
  size_t shortest = SIZE_MAX;
  for (const Value& argument : args.positional) {
    auto items = args.session.List(argument);
    if (!items.ok()) {
      if (strict) return items.status();
      for (const auto& [name, value] : args.named) {
        if (name == "default") return value;
      }
      return Value::None();
    }
    shortest = std::min(shortest, items->size());
    lists.push_back(std::move(*items));
  }
  jinja::ValueList rows;
  for (size_t i = 0; !lists.empty() && i < shortest; ++i) {
    jinja::ValueList row;
    for (const auto& list : lists) row.push_back(list[i]);
    rows.push_back(Value::Tuple(std::move(row)));
  }
  return Value::List(std::move(rows));
}

Result<Value> DiffOfTwoDicts(CallArgs& args) {
  const Json a = ToJson(args.Get(0, "dict_a")), b = ToJson(args.Get(1, "dict_b"));
  Json diff = Json::object();
  for (const auto& [key, list] : a.items()) {
    const Json& other = Member(b, key);
    Json rest = Json::array();
    for (const Json& item : list.is_array() ? list : Json::array({list})) {
      if (std::find(other.begin(), other.end(), item) == other.end()) rest.push_back(item);
    }
    if (!rest.empty()) diff[key] = rest;
  }
  return ToValue(diff);
}

Result<Value> TryOrCompilerError(CallArgs& args) {
  if (args.positional.size() < 2)
    return jinja::TypeError("try_or_compiler_error() takes a function");
  CallArgs inner(args.session);
  inner.positional.assign(args.positional.begin() + 2, args.positional.end());
  inner.named = args.named;
  auto result = args.session.Call(args.positional[1], inner);
  if (result.ok()) return result;
  return jinja::MakeError("CompilationError", args.positional[0].Str());
}

Value Raise(const char* name, const char* kind, const char* prefix = "") {
  return MakeFunction(name, [kind, prefix](CallArgs& args) -> Result<Value> {
    return jinja::MakeError(
        kind, prefix + TextOf(args.positional.empty() ? nullptr : &args.positional[0]));
  });
}

Value MakeExceptions() {
  const auto warn = [](CallArgs& args) -> Result<Value> {
    RenderScope::Of(args.session).Warn(TextOf(args.Find(0, "msg")));
    return Value("");
  };
  const auto missing_relation = [](CallArgs& args) -> Result<Value> {
    return jinja::MakeError("CompilationError",
                            "Relation " + TextOf(args.Find(0, "relation")) + " not found!");
  };
  const auto wrong_type = [](CallArgs& args) -> Result<Value> {
    return jinja::MakeError("CompilationError",
                            "Trying to create " + TextOf(args.Find(1, "expected_type")) + " " +
                                TextOf(args.Find(0, "relation")) +
                                ", but it currently exists as another kind of relation; drop it, "
                                "or run with --full-refresh");
  };
  const auto contract = [](CallArgs& args) -> Result<Value> {
    return jinja::MakeError(
        "CompilationError",
        "This model has an enforced contract that failed: " + TextOf(args.Find(0, "yaml_columns")) +
            " / " + TextOf(args.Find(1, "sql_columns")));
  };
  return Value::MakeDict(
      {{"raise_compiler_error", Raise("raise_compiler_error", "CompilationError")},
       {"raise_database_error", Raise("raise_database_error", "DatabaseError")},
       {"raise_not_implemented", Raise("raise_not_implemented", "NotImplementedError")},
       {"raise_dependency_error", Raise("raise_dependency_error", "DependencyError")},
       {"raise_fail_fast_error", Raise("raise_fail_fast_error", "FailFastError")},
       {"raise_cache_inconsistent", Raise("raise_cache_inconsistent", "CacheInconsistencyError")},
       {"raise_dataclass_not_dict", Raise("raise_dataclass_not_dict", "CompilationError")},
       {"missing_config", Raise("missing_config", "CompilationError", "a config is missing: ")},
       {"column_type_missing", Raise("column_type_missing", "CompilationError",
                                     "a contract needs data_type for these columns: ")},
       {"missing_relation", MakeFunction("missing_relation", missing_relation)},
       {"relation_wrong_type", MakeFunction("relation_wrong_type", wrong_type)},
       {"raise_contract_error", MakeFunction("raise_contract_error", contract)},
       {"warn_snapshot_timestamp_data_types", MakeFunction("warn", warn)},
       {"warn", MakeFunction("warn", warn)}});
}

// `config`: callable, and an object with get, require, set, …
class ConfigObject final : public jinja::Object {
 public:
  std::string_view TypeName() const override { return "RuntimeConfigObject"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return RenderScope::Of(args.session).Config(args); }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    return std::optional<Value>(MakeFunction(
        std::string(name), [method = std::string(name)](CallArgs& args) -> Result<Value> {
          return RenderScope::Of(args.session).ConfigMethod(method, args);
        }));
  }
  Result<Value> CallMethod(std::string_view name, CallArgs& args) override {
    return RenderScope::Of(args.session).ConfigMethod(name, args);
  }
};

class VariableObject final : public jinja::Object {
 public:
  explicit VariableObject(VariableLookup lookup) : lookup_(std::move(lookup)) {}
  std::string_view TypeName() const override { return "Var"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override {
    const std::string name = TextOf(args.Find(0, "var_name"));
    RenderScope& scope = RenderScope::Of(args.session);
    if (auto value = lookup_(scope.package, name)) return ToValue(*value);
    if (const Value* fallback = args.Find(1, "default")) return *fallback;
    if (!scope.execute && scope.lenient_variables) return Value::None();
    return jinja::MakeError("CompilationError",
                            "Required var '" + name + "' not found in config; pass --vars '" +
                                name + ": …' or set it under vars: in dbt_project.yml");
  }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name != "has_var") return std::optional<Value>();
    return std::optional<Value>(
        MakeFunction("has_var", [lookup = lookup_](CallArgs& args) -> Result<Value> {
          return Value(
              lookup(RenderScope::Of(args.session).package, TextOf(args.Find(0, "var_name")))
                  .has_value());
        }));
  }

 private:
  VariableLookup lookup_;
};

class FlagsObject final : public jinja::Object {
 public:
  explicit FlagsObject(Json flags) : flags_(std::move(flags)) {}
  std::string_view TypeName() const override { return "Flags"; }
  Result<std::optional<Value>> GetAttr(jinja::Session& session, std::string_view name) override {
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const Json& value = Member(flags_, upper);
    ParseInputs* inputs = RenderScope::Of(session).inputs;
    if (inputs != nullptr) inputs->NoteFlag(upper, value.dump());
    return std::optional<Value>(ToValue(value));
  }

 private:
  Json flags_;
};

// `modules`: of them only datetime gives other values in another run.
class ModulesObject final : public jinja::Object {
 public:
  ModulesObject() : modules_(jinja::MakeModules()) {}
  std::string_view TypeName() const override { return "dict"; }
  Result<std::optional<Value>> GetAttr(jinja::Session& session, std::string_view name) override {
    ParseInputs* inputs = RenderScope::Of(session).inputs;
    if (name == "datetime" && inputs != nullptr) inputs->NoteChanging();
    return modules_.object().GetAttr(session, name);
  }
  Result<std::optional<Value>> GetItem(jinja::Session& session, const Value& key) override {
    return key.is_string() ? GetAttr(session, key.str()) : std::optional<Value>();
  }

 private:
  Value modules_;
};

class AdapterObject final : public jinja::Object {
 public:
  AdapterObject(std::string type, char quote) : type_(std::move(type)), quote_(quote) {}
  std::string_view TypeName() const override { return "DatabaseWrapper"; }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "Relation" || name == "Column") {
      return std::optional<Value>(*MakeApi(quote_).dict().Find(name));
    }
    return std::optional<Value>(MakeFunction(
        std::string(name),
        [type = type_, quote = quote_, method = std::string(name)](
            CallArgs& args) -> Result<Value> { return Invoke(type, quote, method, args); }));
  }
  Result<Value> CallMethod(std::string_view name, CallArgs& args) override {
    return Invoke(type_, quote_, name, args);
  }

 private:
  static Result<Value> Invoke(const std::string& type, char quote, std::string_view name,
                              CallArgs& args) {
    if (name == "type") return Value(type);
    if (name == "quote") return Value(QuoteName(TextOf(args.Find(0, "identifier")), quote));
    return RenderScope::Of(args.session).Adapter(name, args);
  }
  std::string type_;
  char quote_;
};

Value ScopeFunction(const char* name, Result<Value> (RenderScope::*method)(CallArgs&)) {
  return MakeFunction(
      name, [method](CallArgs& args) { return (RenderScope::Of(args.session).*method)(args); });
}

}  // namespace

void AddContextFunctions(jinja::Names& names) {
  const Value config(jinja::MakeRef<ConfigObject>());
  const Value ref = ScopeFunction("ref", &RenderScope::Ref),
              source = ScopeFunction("source", &RenderScope::Source);
  names.Set("ref", ref);
  names.Set("source", source);
  names.Set("config", config);
  names.Set("builtins", Value::MakeDict({{"ref", ref}, {"source", source}, {"config", config}}));
  names.Set("metric", ScopeFunction("metric", &RenderScope::Metric));
  names.Set("doc", ScopeFunction("doc", &RenderScope::Doc));
  names.Set("env_var", MakeFunction("env_var", EnvVar));
  names.Set("tojson", MakeFunction("tojson", ToJsonText));
  names.Set("fromjson", MakeFunction("fromjson", FromJsonText));
  names.Set("toyaml", MakeFunction("toyaml", ToYamlText));
  names.Set("fromyaml", MakeFunction("fromyaml", FromYamlText));
  names.Set("log", MakeFunction("log", Log));
  names.Set("print", MakeFunction("print", Print));
  names.Set("exceptions", MakeExceptions());
  names.Set("set", MakeFunction("set", [](CallArgs& a) { return MakeSet(a, false); }));
  names.Set("set_strict", MakeFunction("set_strict", [](CallArgs& a) { return MakeSet(a, true); }));
  names.Set("zip", MakeFunction("zip", [](CallArgs& a) { return Zip(a, false); }));
  names.Set("zip_strict", MakeFunction("zip_strict", [](CallArgs& a) { return Zip(a, true); }));
  names.Set("diff_of_two_dicts", MakeFunction("diff_of_two_dicts", DiffOfTwoDicts));
  names.Set("try_or_compiler_error", MakeFunction("try_or_compiler_error", TryOrCompilerError));
  names.Set("local_md5", MakeFunction("local_md5", [](CallArgs& args) -> Result<Value> {
              return Value(Md5Hex(TextOf(args.Find(0, "value"))));
            }));
  for (const char* name : {"store_result", "store_raw_result", "load_result", "write", "render",
                           "submit_python_job", "load_agate_table", "function"}) {
    names.Set(name, MakeFunction(name, [name](CallArgs& args) {
                return RenderScope::Of(args.session).Function(name, args);
              }));
  }
  names.Set("execute", Value(false));
}

void AddModules(jinja::Names& names, int64_t started_at_micros) {
  names.Set("modules", Value(jinja::MakeRef<ModulesObject>()));
  names.Set("run_started_at", Value(FormatTimestampUtc(started_at_micros)));
}

Value MakeVariableObject(VariableLookup lookup) {
  return Value(jinja::MakeRef<VariableObject>(std::move(lookup)));
}

Value MakeFlags(const Json& flags) { return Value(jinja::MakeRef<FlagsObject>(flags)); }

Value MakeAdapter(const std::string& type, char quote) {
  return Value(jinja::MakeRef<AdapterObject>(type, quote));
}

}  // namespace tarn::transform
