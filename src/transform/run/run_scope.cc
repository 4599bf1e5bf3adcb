#include "transform/run/run_scope.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "jinja/error.h"
#include "transform/project/context_functions.h"
#include "transform/project/node_json.h"
#include "transform/project/value_json.h"
#include "transform/run/compiler.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::MakeFunction;
using jinja::Value;

std::string TextOf(const Value* value) {
  return value == nullptr || value->is_none() || value->is_undefined() ? "" : value->Str();
}

// What load_result() gives: response, data and table as attributes.
class StatementResult final : public jinja::Object {
 public:
  StatementResult(Value response, Value table)
      : response_(std::move(response)), table_(std::move(table)) {}
  std::string_view TypeName() const override { return "StatementResult"; }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "response") return std::optional<Value>(response_);
    if (name == "table") return std::optional<Value>(table_);
    if (name == "data") {
      jinja::ValueList rows;
      if (const auto* table = table_.As<ResultTable>()) {
        for (const auto& row : table->rows()) rows.push_back(Value::List(row));
      }
      return std::optional<Value>(Value::List(std::move(rows)));
    }
    return std::optional<Value>();
  }
  Result<std::optional<Value>> GetItem(jinja::Session& session, const Value& key) override {
    return key.is_string() ? GetAttr(session, key.str()) : std::optional<Value>();
  }

 private:
  Value response_, table_;
};

}  // namespace

RunScope::RunScope(RunContext& context, Node& node, Warehouse& warehouse)
    : context(context), node(node), warehouse(warehouse) {
  package = node.package_name;
  execute = true;
  parsing_free = node.type == ResourceType::kOperation;
}

char RunScope::quote() const {
  return warehouse.dialect() == dialect::SqlDialect::kSpark ? '`' : '"';
}

jinja::Ref<Relation> RunScope::This() const {
  Relation::Parts parts = RelationOf(node, quote());
  return jinja::MakeRef<Relation>(std::move(parts));
}

void RunScope::FilterInput(const Node& target, Relation::Parts& parts) const {
  if (context.options.empty) parts.limit = 0;
  const std::string column = TextMember(target.config, "event_time");
  if (!window || column.empty() || parts.limit >= 0) return;
  std::string filter;
  if (!window->start.empty()) filter = column + " >= '" + window->start + "'";
  if (!window->end.empty()) {
    filter += (filter.empty() ? "" : " and ") + column + " < '" + window->end + "'";
  }
  parts.event_filter = filter;
}

Result<Value> RunScope::RelationFor(const Node& target) {
  if (const auto it = fixtures.find(target.unique_id); it != fixtures.end()) {
    Relation::Parts parts;
    parts.verbatim = it->second;
    return Value(jinja::MakeRef<Relation>(std::move(parts)));
  }
  if (target.IsEphemeral()) {
    if (std::find(ephemerals.begin(), ephemerals.end(), target.unique_id) == ephemerals.end()) {
      ephemerals.push_back(target.unique_id);
    }
    Relation::Parts parts;
    parts.verbatim = EphemeralName(target);
    parts.identifier = parts.verbatim;
    parts.type = "cte";
    return Value(jinja::MakeRef<Relation>(std::move(parts)));
  }
  Relation::Parts parts = RelationOf(target, quote());
  parts.verbatim = TextMember(target.extra, "external_location");
  const auto deferred = context.deferred.find(target.unique_id);
  if (deferred != context.deferred.end() && !context.selected.contains(target.unique_id)) {
    bool use = context.options.favor_state;
    if (!use) {
      TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(parts));
      use = !kind.has_value();
    }
    if (use) {
      parts = deferred->second;
      parts.quote = quote();
    }
  }
  if (node.type == ResourceType::kModel || node.type == ResourceType::kSnapshot) {
    FilterInput(target, parts);
  }
  return Value(jinja::MakeRef<Relation>(std::move(parts)));
}

Result<Value> RunScope::Ref(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const RefCall call, ReadRefCall(args));
  const Node* target = context.project.manifest.FindRef(call, package);
  if (target == nullptr) {
    return jinja::MakeError(
        "CompilationError",
        "'" + node.unique_id + "' depends on a node named '" + call.name + "' which was not found");
  }
  const auto& known = node.depends_on_nodes;
  if (!parsing_free && target != &node &&
      std::find(known.begin(), known.end(), target->unique_id) == known.end()) {
    return jinja::MakeError(
        "CompilationError",
        "dbt was unable to infer all dependencies for the model \"" + node.name +
            "\". This typically happens when ref() is placed within a conditional block. To fix "
            "this, add the following hint to the top of the model \"" +
            node.name + "\": -- depends_on: {{ ref('" + call.name + "') }}");
  }
  return RelationFor(*target);
}

Result<Value> RunScope::Source(CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const SourceCall call, ReadSourceCall(args));
  const Node* target = context.project.manifest.FindSource(call, package);
  if (target == nullptr) {
    return jinja::MakeError("CompilationError", "'" + node.unique_id +
                                                    "' depends on a source named '" + call.source +
                                                    "." + call.table + "' which was not found");
  }
  return RelationFor(*target);
}

Result<Value> RunScope::Metric(CallArgs&) { return Value(""); }
Result<Value> RunScope::Doc(CallArgs&) { return Value(""); }

// At run the config is settled: a call in the code changes nothing and prints nothing.
Result<Value> RunScope::Config(CallArgs&) { return Value(""); }

Result<Value> RunScope::ConfigMethod(std::string_view name, CallArgs& args) {
  const std::string key = TextOf(args.Find(0, "name"));
  if (name == "set") return Value("");
  if (name == "persist_relation_docs" || name == "persist_column_docs") {
    const Json& docs = Member(node.config, "persist_docs");
    return Value(BoolMember(docs, name == "persist_relation_docs" ? "relation" : "columns", false));
  }
  const Json& from = name.starts_with("meta_") ? node.meta : node.config;
  const Json* found = &Member(from, key);
  if (found->is_null() && !name.starts_with("meta_")) found = &Member(node.meta, key);
  if (!found->is_null()) return ToValue(*found);
  if (name == "require" || name == "meta_require") {
    return jinja::MakeError(
        "CompilationError",
        "Model '" + node.unique_id + "' does not define a required config parameter '" + key + "'");
  }
  if (const Value* fallback = args.Find(1, "default")) {
    if (HasMember(from, key) && fallback->is_none()) return Value::None();
    return *fallback;
  }
  return Value::None();
}

Result<Value> RunScope::Adapter(std::string_view name, CallArgs& args) {
  if (name == "dispatch") return DispatchMacro(*context.project.macros, package, args);
  return CallAdapter(*this, name, args);
}

Result<Value> RunScope::Function(std::string_view name, CallArgs& args) {
  if (name == "store_result" || name == "store_raw_result") {
    Value response = args.Get(1, "response");
    if (name == "store_raw_result") {
      response = Value::MakeDict({{"_message", args.Get(1, "message", "OK")},
                                  {"code", args.Get(2, "code")},
                                  {"rows_affected", args.Get(3, "rows_affected")}});
    }
    results[TextOf(args.Find(0, "name"))] =
        Value(jinja::MakeRef<StatementResult>(response, args.Get(4, "agate_table")));
    return Value("");
  }
  if (name == "load_result") {
    const auto it = results.find(TextOf(args.Find(0, "name")));
    return it == results.end() ? Value::None() : it->second;
  }
  if (name == "write") {
    main_sql = TextOf(args.Find(0, "payload"));
    return Value("");
  }
  if (name == "render") {
    TARN_ASSIGN_OR_RETURN(std::string text,
                          Render(TextOf(args.Find(0, "string")), node.original_file_path));
    return Value(std::move(text));
  }
  if (name == "load_agate_table") {
    TARN_ASSIGN_OR_RETURN(const engine::Rows rows, ReadSeed(node, warehouse));
    return Value(MakeResultTable(rows));
  }
  return jinja::MakeError("CompilationError",
                          std::string(name) + "() is not available in this place");
}

Value RunScope::ModelValue() const {
  Json json = NodeJson(node);
  if (node.compiled) json["compiled_code"] = node.compiled_code;
  if (window) {
    json["batch"] = {{"event_time_start", window->start}, {"event_time_end", window->end}};
  }
  return ToValue(json);
}

std::optional<Value> RunScope::NodeName(std::string_view name) {
  if (name == "execute") return Value(true);
  if (name == "this") return Value(This());
  if (name == "model" || name == "node") return ModelValue();
  if (name == "database") return Value(node.database);
  if (name == "schema") return Value(node.schema);
  if (name == "graph") return context.Graph();
  if (name == "selected_resources") {
    jinja::ValueList ids(context.selected.begin(), context.selected.end());
    return Value::List(std::move(ids));
  }
  if (name == "pre_hooks") return ToValue(Member(node.config, "pre-hook"));
  if (name == "post_hooks") return ToValue(Member(node.config, "post-hook"));
  if (name == "sql" || name == "compiled_code") {
    return node.compiled ? std::optional<Value>(Value(node.compiled_code)) : std::nullopt;
  }
  if (name == "thread_id") return Value("Thread-1");
  if (name == "_dbt_generic_test_kwargs" && has_test_kwargs) return test_kwargs;
  if (name == "context") return std::nullopt;
  return std::nullopt;
}

std::optional<Value> RunScope::Override(std::string_view name) {
  if (overrides.empty()) return std::nullopt;
  const Json& macros = Member(overrides, "macros");
  if (HasMember(macros, name)) {
    // A unit test says what a macro returns; it is still called like one.
    return MakeFunction(
        std::string(name),
        [value = ToValue(Member(macros, name))](CallArgs&) -> Result<Value> { return value; });
  }
  const Json& vars = Member(overrides, "vars");
  if (name == "var" && vars.is_object()) {
    const DbtNames* names = context.project.names.get();
    return MakeVariableObject([vars, names](const std::string& from, const std::string& key) {
      return HasMember(vars, key) ? std::optional<Json>(Member(vars, key))
                                  : names->Variable(from, key);
    });
  }
  const Json& environment = Member(overrides, "env_vars");
  if (name == "env_var" && environment.is_object()) {
    return MakeFunction("env_var", [environment](CallArgs& args) -> Result<Value> {
      const std::string key = TextOf(args.Find(0, "var"));
      if (HasMember(environment, key)) return Value(PythonText(Member(environment, key)));
      const char* set = std::getenv(key.c_str());
      return set != nullptr ? Value(set) : args.Get(1, "default");
    });
  }
  return std::nullopt;
}

void RunScope::Log(const std::string& text, bool info) {
  if (info) {
    context.log.Tell(EventLevel::kInfo, "JinjaLogInfo", text, {{"msg", text}});
  } else {
    context.log.Tell(EventLevel::kDebug, "JinjaLogDebug", text, {{"msg", text}});
  }
}

Result<std::string> RunScope::Render(const std::string& text, const std::string& place,
                                     jinja::Error* error) {
  if (!HasJinja(text)) return text;
  return context.project.names->Render(text, place, *this, context.project.macros.get(),
                                       jinja::UndefinedMode::kLenient, error);
}

Result<Value> RunScope::CallMacro(const std::string& name, jinja::ValueList positional) {
  const size_t dot = name.find('.');
  const MacroLibrary& macros = *context.project.macros;
  const Macro* macro = dot == std::string::npos
                           ? macros.Resolve(package, name)
                           : macros.Find(name.substr(0, dot), name.substr(dot + 1));
  if (macro == nullptr) return Status::NotFound("there is no macro named '" + name + "'");
  const DbtNames& names = *context.project.names;
  jinja::Session session(names.environment(), names.For(*this, &macros));
  session.host = this;
  CallArgs args(session);
  args.positional = std::move(positional);
  return MacroLibrary::Call(*macro, args);
}

Status RunScope::Commit() {
  if (!warehouse.InTransaction()) return Status::Ok();
  return warehouse.session().QueryDuckdb("COMMIT").status();
}

void RunScope::RollBack() {
  if (warehouse.InTransaction()) (void)warehouse.session().QueryDuckdb("ROLLBACK");
}

Result<ExecutionOutcome> RunScope::Execute(const std::string& sql) {
  warehouse.SetDialect(context.DialectOf(node));
  return warehouse.Execute(sql, node.original_file_path);
}

}  // namespace tarn::transform
