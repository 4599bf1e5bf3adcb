#include "transform/project/test_arguments.h"

#include <algorithm>

#include "base/nearest.h"
#include "jinja/native.h"
#include "transform/project/value_json.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

using jinja::Value;

bool LooksLikeCall(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return false;
  const size_t last = text.find_last_not_of(" \t\r\n");
  if (text[last] != ')') return false;
  for (const char* name : {"env_var", "ref", "var", "source", "doc"}) {
    const std::string_view rest = std::string_view(text).substr(begin);
    if (!rest.starts_with(name)) continue;
    size_t at = begin + std::string_view(name).size();
    while (at < text.size() && text[at] == ' ') ++at;
    if (at < last && text[at] == '(') return true;
  }
  return false;
}

class ArgumentRenderer {
 public:
  ArgumentRenderer(const DbtNames& names, const MacroLibrary& macros, RenderScope& scope,
                   std::string place, jinja::UndefinedMode undefined)
      : names_(names), place_(std::move(place)) {
    options_.undefined = undefined;
    context_ = names.For(scope, &macros);
    scope_ = &scope;
  }

  Result<Value> Render(const Json& tree, bool text_only) {
    if (tree.is_string()) return RenderText(tree.get_ref<const std::string&>(), text_only);
    if (tree.is_array()) {
      jinja::ValueList items;
      for (const Json& item : tree) {
        TARN_ASSIGN_OR_RETURN(Value value, Render(item, false));
        items.push_back(std::move(value));
      }
      return Value::List(std::move(items));
    }
    if (tree.is_object()) {
      auto dict = jinja::MakeRef<jinja::Dict>();
      for (const auto& [key, item] : tree.items()) {
        TARN_ASSIGN_OR_RETURN(Value value, Render(item, false));
        dict->Set(std::string_view(key), std::move(value));
      }
      return Value(dict);
    }
    return ToValue(tree);
  }

 private:
  Result<Value> RenderText(const std::string& text, bool text_only) {
    const bool call = !text_only && LooksLikeCall(text);
    if (!call && !HasJinja(text)) return Value(text);
    const jinja::Environment& env = text_only ? names_.environment() : names_.native_environment();
    TARN_ASSIGN_OR_RETURN(const auto compiled,
                          env.Compile(call ? "{{ " + text + " }}" : text, place_));
    jinja::Session session(env, context_, options_);
    session.host = scope_;
    if (text_only) {
      TARN_ASSIGN_OR_RETURN(std::string rendered, session.Render(*compiled));
      return Value(std::move(rendered));
    }
    return jinja::RenderNative(session, *compiled);
  }

  const DbtNames& names_;
  std::string place_;
  jinja::SessionOptions options_;
  std::shared_ptr<const jinja::Names> context_;
  RenderScope* scope_;
};

// The two tests that projects have by the thousand: nothing in them needs rendering.
bool IsPlainBuiltin(const ParseState& state, const Node& node, const TestMetadata& test) {
  if (!test.name_space.empty() || (test.name != "not_null" && test.name != "unique")) return false;
  const Macro* macro = state.project.macros->Resolve(node.package_name, "test_" + test.name);
  return macro != nullptr && macro->info.package_name == kBuiltinPackage;
}

void CapturePlain(const Node& node, const std::string& macro, CapturedCalls* calls) {
  const std::string model = TextMember(node.test_metadata->kwargs, "model");
  std::vector<std::string> names;
  for (size_t at = model.find('\''); at != std::string::npos; at = model.find('\'', at)) {
    const size_t end = model.find('\'', at + 1);
    names.push_back(model.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  if (model.find("source(") != std::string::npos) {
    calls->sources.push_back({names[0], names[1]});
  } else {
    RefCall ref;
    ref.name = names[0];
    if (names.size() > 1) ref.version = names[1];
    calls->refs.push_back(std::move(ref));
  }
  calls->macros = {macro};
}

}  // namespace

size_t YamlLineOf(const SchemaFile& schema, const Node& test) {
  return YamlLine(schema.file->text, TextList(Member(test.extra, "yaml_line_path")));
}

Result<Value> TestKeywords(const DbtNames& names, const MacroLibrary& macros,
                           const TestMetadata& test, RenderScope& scope, const std::string& place,
                           jinja::UndefinedMode undefined) {
  ArgumentRenderer renderer(names, macros, scope, place, undefined);
  auto dict = jinja::MakeRef<jinja::Dict>();
  for (const auto& [key, value] : test.kwargs.items()) {
    TARN_ASSIGN_OR_RETURN(Value rendered, renderer.Render(value, key == "column_name"));
    dict->Set(std::string_view(key), std::move(rendered));
  }
  return Value(dict);
}

Status CaptureTest(ParseState& state, Node& node, const TestMetadata& test, CapturedCalls* calls) {
  const std::string macro_name = "test_" + test.name;
  const MacroLibrary& macros = *state.project.macros;
  const Macro* macro = test.name_space.empty() ? macros.Resolve(node.package_name, macro_name)
                                               : macros.Find(test.name_space, macro_name);
  if (macro == nullptr) {
    std::vector<std::string> known;
    for (const Macro* candidate : macros.All()) {
      if (candidate->kind == jinja::BlockKind::kTest) {
        known.push_back(candidate->info.name.substr(5));
      }
    }
    const std::string full =
        test.name_space.empty() ? test.name : test.name_space + "." + test.name;
    std::string message = "'test_" + test.name + "' is undefined: there is no generic test '" +
                          full + "' (test of " + node.file_key_name + ")";
    const Project* package = state.project.names->FindProject(test.name_space);
    if (!test.name_space.empty() && package == nullptr) {
      message += "; package '" + test.name_space + "' is not installed: put it into " +
                 state.project.root.packages_path + " or name its folder in packages.yml";
    } else if (const auto nearest = Nearest(test.name, known)) {
      message += "; did you mean '" + *nearest + "'?";
    }
    size_t line = 1;
    for (const SchemaFile& schema : state.schemas) {
      if (schema.file->original_path == node.original_file_path &&
          schema.file->project->name == node.package_name) {
        line = YamlLineOf(schema, node);
      }
    }
    return Status::InvalidArgument(node.original_file_path + ":" + std::to_string(line) + ": " +
                                   message);
  }
  if (IsPlainBuiltin(state, node, test)) {
    CapturePlain(node, macro->info.unique_id, calls);
    return Status::Ok();
  }
  ParseScope scope(node, &macros, state.quote);
  scope.known_config = &node.config;
  TARN_ASSIGN_OR_RETURN(const Value keywords,
                        TestKeywords(*state.project.names, macros, test, scope,
                                     node.original_file_path, jinja::UndefinedMode::kCallable));
  CapturedCalls rendered;
  TARN_RETURN_IF_ERROR(state.Capture(node, &rendered, node.raw_code, &keywords));
  *calls = std::move(scope.calls);
  calls->config = std::move(rendered.config);  // of the macro, then of this use
  for (RefCall& ref : rendered.refs) calls->refs.push_back(std::move(ref));
  for (SourceCall& source : rendered.sources) calls->sources.push_back(std::move(source));
  std::vector<std::string> all{macro->info.unique_id};
  for (const auto* list : {&calls->macros, &rendered.macros}) {
    for (const std::string& id : *list) {
      if (std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
    }
  }
  calls->macros = std::move(all);
  return Status::Ok();
}

}  // namespace tarn::transform
