#include "transform/project/dbt_names.h"

#include <cstdio>
#include <cstdlib>

#include "base/hash.h"
#include "jinja/native.h"
#include "transform/project/context_functions.h"
#include "transform/project/relation.h"
#include "transform/project/value_json.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::MakeFunction;
using jinja::Value;

// What YAML sees: nothing of a node.
class YamlScope final : public RenderScope {
 public:
  Result<Value> Ref(CallArgs&) override { return Refuse("ref"); }
  Result<Value> Source(CallArgs&) override { return Refuse("source"); }
  Result<Value> Metric(CallArgs&) override { return Refuse("metric"); }
  Result<Value> Doc(CallArgs&) override { return Refuse("doc"); }
  Result<Value> Config(CallArgs&) override { return Refuse("config"); }
  Result<Value> ConfigMethod(std::string_view, CallArgs&) override { return Refuse("config"); }
  Result<Value> Adapter(std::string_view, CallArgs&) override { return Refuse("adapter"); }
  Result<Value> Function(std::string_view name, CallArgs&) override {
    return Refuse(std::string(name));
  }
  std::optional<Value> NodeName(std::string_view) override { return std::nullopt; }
  void Log(const std::string&, bool) override {}
  void Warn(const std::string&) override {}

 private:
  static Status Refuse(const std::string& name) {
    return jinja::UndefinedError("'" + name +
                                 "' is undefined here: YAML files see var, env_var "
                                 "and target");
  }
};

void EscapeInto(const std::string& text, std::string& out) {
  out += Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void PythonJsonInto(const Json& value, bool sort_keys, std::string& out) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    const auto add = [&](const std::string& key, const Json& item) {
      if (!first) out += ", ";
      first = false;
      EscapeInto(key, out);
      out += ": ";
      PythonJsonInto(item, sort_keys, out);
    };
    if (sort_keys) {
      std::map<std::string, const Json*> sorted;
      for (const auto& [key, item] : value.items()) sorted[key] = &item;
      for (const auto& [key, item] : sorted) add(key, *item);
    } else {
      for (const auto& [key, item] : value.items()) add(key, item);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      PythonJsonInto(value[i], sort_keys, out);
    }
    out += ']';
  } else if (value.is_string()) {
    EscapeInto(value.get_ref<const std::string&>(), out);
  } else if (value.is_number_float()) {
    out += PythonRepr(value);
  } else {
    out += value.dump();
  }
}

// Variables of one project as a package sees them: its own section beats the top.
std::optional<Json> FromProject(const Project& project, const std::string& package,
                                const std::string& name) {
  const Json& own = Member(project.vars, package);
  if (HasMember(own, name)) return Member(own, name);
  if (HasMember(project.vars, name)) return Member(project.vars, name);
  return std::nullopt;
}

}  // namespace

std::string PythonJson(const Json& value, bool sort_keys) {
  std::string out;
  PythonJsonInto(value, sort_keys, out);
  return out;
}

DbtNames::DbtNames(const Project* root, const std::vector<Project>* packages, Target target,
                   Invocation invocation)
    : root_(root),
      packages_(packages),
      target_(std::move(target)),
      invocation_(std::move(invocation)),
      base_(std::make_shared<jinja::Names>()) {
  jinja::AddTextFilters(text_);
  jinja::AddNativeFilters(native_);
  AddFunctions();
  AddAdapter();
}

const Project* DbtNames::FindProject(const std::string& package) const {
  if (root_->name == package) return root_;
  for (const Project& project : *packages_) {
    if (project.name == package) return &project;
  }
  return nullptr;
}

std::optional<Json> DbtNames::Variable(const std::string& package, const std::string& name) const {
  if (HasMember(invocation_.vars, name)) return Member(invocation_.vars, name);
  if (auto value = FromProject(*root_, package, name)) return value;
  const Project* own = FindProject(package);
  return own == nullptr || own == root_ ? std::nullopt : FromProject(*own, package, name);
}

void DbtNames::AddFunctions() {
  AddContextFunctions(*base_);
  base_->Set("var", MakeVariableObject([this](const std::string& package, const std::string& name) {
               return Variable(package, name);
             }));
  Value target = ToValue(target_.output);
  jinja::Dict& dict = target.dict();
  dict.Set(std::string_view("name"), Value(target_.name));
  dict.Set(std::string_view("target_name"), Value(target_.name));
  dict.Set(std::string_view("profile_name"), Value(target_.profile_name));
  dict.Set(std::string_view("schema"), Value(target_.schema));
  dict.Set(std::string_view("database"), Value(target_.database));
  dict.Set(std::string_view("type"), Value(target_.type));
  dict.Set(std::string_view("threads"), Value(target_.threads));
  base_->Set("target", target);
  base_->Set("env", target);
  base_->Set("project_name", root_->name);
  base_->Set("dbt_version", kDbtVersion);
  base_->Set("invocation_id", invocation_.invocation_id);
  base_->Set("api", MakeApi(QuoteCharacter(target_.dialect)));
  base_->Set("flags", MakeFlags(invocation_.flags));
  base_->Set("invocation_args_dict", ToValue(invocation_.flags));
  AddModules(*base_, invocation_.started_at_micros);
}

void DbtNames::AddAdapter() {
  base_->Set("adapter", MakeAdapter(target_.type, QuoteCharacter(target_.dialect)));
}

std::shared_ptr<const jinja::Names> DbtNames::For(RenderScope& scope,
                                                  const MacroLibrary* macros) const {
  auto of_node = std::make_shared<jinja::Names>(base_);
  if (!scope.execute) scope.inputs = &inputs_;
  of_node->SetResolver([&scope](std::string_view name) {
    if (scope.inputs != nullptr) scope.inputs->NoteName(name);
    return scope.NodeName(name);
  });
  if (macros == nullptr) return of_node;
  auto names = std::make_shared<jinja::Names>(std::move(of_node));
  names->SetResolver([&scope, macros, package = scope.package](std::string_view name) {
    auto replaced = scope.Override(name);
    return replaced ? replaced : macros->Lookup(package, name);
  });
  return names;
}

Result<std::string> DbtNames::Render(const std::string& text, const std::string& place,
                                     RenderScope& scope, const MacroLibrary* macros,
                                     jinja::UndefinedMode undefined, jinja::Error* error) const {
  TARN_ASSIGN_OR_RETURN(const auto compiled, text_.Compile(text, place, error));
  jinja::SessionOptions options;
  options.undefined = undefined;
  jinja::Session session(text_, For(scope, macros), options);
  session.host = &scope;
  auto rendered = session.Render(*compiled);
  if (!rendered.ok() && error != nullptr) *error = session.error();
  return rendered;
}

Result<Json> DbtNames::RenderYaml(const std::string& text, const std::string& place,
                                  const std::string& package) const {
  YamlScope scope;
  scope.package = package;
  TARN_ASSIGN_OR_RETURN(const auto compiled, native_.Compile(text, place));
  jinja::Session session(native_, For(scope, nullptr));
  session.host = &scope;
  TARN_ASSIGN_OR_RETURN(const Value value, jinja::RenderNative(session, *compiled));
  return ToJson(value);
}

TextRenderer DbtNames::YamlRenderer(const std::string& package) const {
  return [this, package](const std::string& text, const std::string& place) {
    return RenderYaml(text, place, package);
  };
}

TextRenderer BootstrapRenderer(const Json& vars, const Target* target) {
  auto names = std::make_shared<jinja::Names>();
  AddContextFunctions(*names);
  names->Set("var", MakeVariableObject([vars](const std::string&, const std::string& name) {
               return HasMember(vars, name) ? std::optional<Json>(Member(vars, name))
                                            : std::nullopt;
             }));
  if (target != nullptr) {
    Json values = target->output;
    values["name"] = target->name;
    values["schema"] = target->schema;
    values["type"] = target->type;
    values["database"] = target->database;
    names->Set("target", ToValue(values));
  }
  auto env = std::make_shared<jinja::Environment>();
  jinja::AddNativeFilters(*env);
  return [names, env](const std::string& text, const std::string& place) -> Result<Json> {
    YamlScope scope;
    TARN_ASSIGN_OR_RETURN(const auto compiled, env->Compile(text, place));
    jinja::Session session(*env, names);
    session.host = &scope;
    TARN_ASSIGN_OR_RETURN(const Value value, jinja::RenderNative(session, *compiled));
    return ToJson(value);
  };
}

}  // namespace tarn::transform
