#include "transform/project/python_model.h"

#include "jinja/native.h"
#include "transform/project/value_json.h"

namespace tarn::transform {
namespace {

// The text between the parentheses of the call whose '(' is at `open`.
std::string Arguments(const std::string& text, size_t open) {
  int depth = 0;
  char quote = 0;
  for (size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      if (--depth == 0) return text.substr(open + 1, i - open - 1);
    }
  }
  return "";
}

// Splits at commas outside brackets and quotes.
std::vector<std::string> SplitArguments(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && c == ',' && depth == 0) {
      parts.emplace_back();
      continue;
    }
    if (quote != 0) {
      if (c == quote && text[i - 1] != '\\') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    }
    parts.back() += c;
  }
  std::vector<std::string> trimmed;
  for (const std::string& part : parts) {
    const size_t begin = part.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) continue;
    trimmed.push_back(part.substr(begin, part.find_last_not_of(" \t\r\n") - begin + 1));
  }
  return trimmed;
}

Result<Json> Literal(const Node& node, const std::string& text) {
  auto value = jinja::LiteralEval(text);
  if (!value.ok()) {
    return Status::InvalidArgument(
        node.original_file_path + ":1: '" + text +
        "' is no literal; dbt.ref, dbt.source and dbt.config of a Python "
        "model take literals only");
  }
  return ToJson(*value);
}

struct Call {
  std::vector<Json> positional;
  Json named = Json::object();
};

Result<std::vector<Call>> FindCalls(const Node& node, const std::string& name) {
  std::vector<Call> calls;
  const std::string& text = node.raw_code;
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const size_t open = at + name.size();
    if (open >= text.size() || text[open] != '(') continue;
    const size_t line = text.rfind('\n', at) == std::string::npos ? 0 : text.rfind('\n', at) + 1;
    if (text.substr(line, at - line).find('#') != std::string::npos) continue;
    Call call;
    for (const std::string& part : SplitArguments(Arguments(text, open))) {
      const size_t equals = part.find('=');
      const bool named = equals != std::string::npos && part[0] != '"' && part[0] != '\'' &&
                         part[0] != '[' && part[0] != '{';
      TARN_ASSIGN_OR_RETURN(const Json value,
                            Literal(node, named ? part.substr(equals + 1) : part));
      if (named) {
        std::string key = part.substr(0, equals);
        while (!key.empty() && key.back() == ' ') key.pop_back();
        call.named[key] = value;
      } else {
        call.positional.push_back(value);
      }
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

Status CapturePython(const Node& node, CapturedCalls* calls) {
  TARN_ASSIGN_OR_RETURN(const auto refs, FindCalls(node, "dbt.ref"));
  for (const Call& call : refs) {
    if (call.positional.empty()) continue;
    RefCall ref;
    ref.name = PythonText(call.positional.back());
    if (call.positional.size() > 1) ref.package = PythonText(call.positional.front());
    for (const char* key : {"v", "version"}) {
      if (HasMember(call.named, key)) ref.version = PythonText(Member(call.named, key));
    }
    calls->refs.push_back(std::move(ref));
  }
  TARN_ASSIGN_OR_RETURN(const auto sources, FindCalls(node, "dbt.source"));
  for (const Call& call : sources) {
    if (call.positional.size() != 2) continue;
    calls->sources.push_back({PythonText(call.positional[0]), PythonText(call.positional[1])});
  }
  TARN_ASSIGN_OR_RETURN(const auto configs, FindCalls(node, "dbt.config"));
  for (const Call& call : configs) {
    for (const auto& [key, value] : call.named.items()) calls->config[key] = value;
  }
  return Status::Ok();
}

}  // namespace tarn::transform
