#include "transform/project/parse_scope.h"

#include <algorithm>
#include <array>

#include "jinja/error.h"
#include "transform/project/config.h"
#include "transform/project/node_json.h"
#include "transform/project/value_json.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::Value;

template <typename T>
void AddOnce(std::vector<T>& list, T item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

std::string TextOf(const Value* value) {
  return value == nullptr || value->is_none() || value->is_undefined() ? "" : value->Str();
}

}  // namespace

Result<RefCall> ReadRefCall(CallArgs& args) {
  RefCall call;
  if (args.positional.empty() || args.positional.size() > 2) {
    return jinja::MakeError(
        "CompilationError",
        "ref() takes at most two arguments (" + std::to_string(args.positional.size()) + " given)");
  }
  for (const Value& value : args.positional) {
    if (!value.is_string()) {
      return jinja::MakeError("CompilationError", "ref() takes names as text; got " + value.Repr());
    }
  }
  call.name = args.positional.back().str();
  if (args.positional.size() == 2) call.package = args.positional.front().str();
  for (const auto& [name, value] : args.named) {
    if ((name == "v" || name == "version") && !value.is_none()) call.version = value.Str();
    if (name == "package") call.package = TextOf(&value);
  }
  return call;
}

Result<SourceCall> ReadSourceCall(CallArgs& args) {
  if (args.positional.size() != 2 || !args.positional[0].is_string() ||
      !args.positional[1].is_string()) {
    return jinja::MakeError("CompilationError", "source() takes exactly two arguments (" +
                                                    std::to_string(args.positional.size()) +
                                                    " given)");
  }
  return SourceCall{args.positional[0].str(), args.positional[1].str()};
}

Result<Json> ReadConfigCall(CallArgs& args) {
  Json config = Json::object();
  if (args.positional.size() == 1 && args.named.empty() && args.positional[0].is_dict()) {
    return ToJson(args.positional[0]);
  }
  if (!args.positional.empty()) {
    return jinja::MakeError("CompilationError", "config() takes keywords or one dict");
  }
  for (const auto& [name, value] : args.named) config[name] = ToJson(value);
  return config;
}

Result<Value> DispatchMacro(const MacroLibrary& macros, const std::string& package,
                            CallArgs& args) {
  const std::string name = TextOf(args.Find(0, "macro_name"));
  const Value* space = args.Find(1, "macro_namespace");
  std::string name_space;
  if (space != nullptr && space->is_string()) name_space = space->str();
  if (space != nullptr && space->is_list() && !space->list().empty()) {
    // The form of dbt 0.18: a list of packages, searched in order.
    for (const Value& item : space->list()) {
      if (auto found = macros.Dispatch(package, name, item.Str()); found.ok()) {
        return (*found)->callable;
      }
    }
  }
  TARN_ASSIGN_OR_RETURN(const Macro* macro, macros.Dispatch(package, name, name_space));
  return macro->callable;
}

ParseScope::ParseScope(const Node& node, const MacroLibrary* macros, char quote)
    : node_(node), macros_(macros), quote_(quote) {
  package = node.package_name;
  lenient_variables = true;
}

Value ParseScope::This() const {
  return Value(jinja::MakeRef<Relation>(RelationOf(node_, quote_)));
}

Result<Value> ParseScope::Ref(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(RefCall call, ReadRefCall(args));
  calls.refs.push_back(std::move(call));
  return This();
}

Result<Value> ParseScope::Source(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(SourceCall call, ReadSourceCall(args));
  calls.sources.push_back(std::move(call));
  return This();
}

Result<Value> ParseScope::Metric(CallArgs& args) {
  std::vector<std::string> names;
  for (const Value& value : args.positional) names.push_back(value.Str());
  AddOnce(calls.metrics, std::move(names));
  return Value("");
}

Result<Value> ParseScope::Doc(CallArgs&) { return Value(""); }

Result<Value> ParseScope::Config(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Json config, ReadConfigCall(args));
  MergeConfig(calls.config, config);
  return Value("");
}

Result<Value> ParseScope::ConfigMethod(std::string_view name, CallArgs& args) {
  if (name == "get" || name == "meta_get") {
    const std::string key = TextOf(args.Find(0, "name"));
    if (const Json& value = Member(calls.config, key); !value.is_null()) return ToValue(value);
    if (known_config != nullptr && !Member(*known_config, key).is_null()) {
      return ToValue(Member(*known_config, key));
    }
    return args.Get(1, "default", Value(""));
  }
  return Value("");
}

Result<Value> ParseScope::Adapter(std::string_view name, CallArgs& args) {
  if (name == "dispatch") return DispatchMacro(*macros_, package, args);
  static constexpr std::array<std::string_view, 8> kLists = {"get_columns_in_relation",
                                                             "get_missing_columns",
                                                             "list_relations",
                                                             "list_schemas",
                                                             "get_column_schema_from_query",
                                                             "list_relations_without_caching",
                                                             "get_columns_in_select_sql",
                                                             "drop_schema"};
  if (std::find(kLists.begin(), kLists.end(), name) != kLists.end()) return Value::List();
  if (name == "check_schema_exists" || name == "already_exists") return Value(false);
  if (name == "quote_seed_column" || name == "quote_as_configured") return args.Get(0, "column");
  if (name == "external_root") return Value(".");
  if (name == "execute") return Value::Tuple({Value::None(), Value::None()});
  return Value::None();
}

Result<Value> ParseScope::Function(std::string_view name, CallArgs& args) {
  if (name == "load_result" || name == "load_agate_table") return Value::None();
  if (name == "render") return args.Get(0, "string");
  return Value("");
}

std::optional<Value> ParseScope::NodeName(std::string_view name) {
  if (name == "this") return This();
  if (name == "execute") return Value(false);
  if (name == "model" || name == "node") return ToValue(NodeJson(node_));
  if (name == "database") return Value(node_.database);
  if (name == "schema") return Value(node_.schema);
  if (name == "graph") return Value::MakeDict({});
  if (name == "selected_resources") return Value::List();
  if (name == "pre_hooks" || name == "post_hooks" || name == "hooks") return Value::List();
  if (name == "sql" || name == "compiled_code") return Value("");
  if (name == "thread_id") return Value("MainThread");
  if (name == "column") return std::nullopt;
  if (name == "_dbt_generic_test_kwargs" && has_test_kwargs) return test_kwargs;
  return std::nullopt;
}

void ParseScope::NoteMacro(const MacroInfo& macro) {
  if (macro_depth == 0) AddOnce(calls.macros, macro.unique_id);
}

}  // namespace tarn::transform
