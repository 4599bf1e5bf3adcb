// jinja_driver: renders templates for the differential suite. Each line of standard input is a JSON
// object:
//   {"source": text, "mocks": [names], "vars": {names to values}, "files": {names to texts},
//    "mode": "render" | "parse" | "literal" | "native", "trim": bool, "lstrip": bool, "undefined":
//    mode}
// and each line of standard output the answer: {"ok": text} or {"error": kind, "message": text}.
#include <chrono>
#include <iostream>
#include <string>

#include "jinja/json.h"
#include "jinja/modules.h"
#include "jinja/native.h"
#include "mock.h"

namespace tarn::jinja {
namespace {

using Templates = std::unordered_map<std::string, std::shared_ptr<const Template>>;

std::string Answer(const char* key, const std::string& text, const std::string& message = "") {
  Value v = Value::MakeDict({{key, Value(text)}});
  if (!message.empty()) v.dict().Set("message", Value(message));
  return ToJsonText(v).value_or("{}");
}

std::string Failure(const Error& e) {
  return Answer("error", e.kind, e.message + " @" + e.OneLine());
}

class Job {
 public:
  explicit Job(const Dict& request) : request_(request) {}
  std::string Run();

 private:
  std::string Text(const char* key) const {
    const Value* v = request_.Find(key);
    return v && v->is_string() ? v->str() : "";
  }
  bool Flag(const char* key) const {
    const Value* v = request_.Find(key);
    return v && v->Truthy();
  }
  std::shared_ptr<Names> MakeNames() const;
  const Dict& request_;
};

std::shared_ptr<Names> Job::MakeNames() const {
  auto names = std::make_shared<Names>();
  names->Set("modules", MakeModules());
  if (const Value* mocks = request_.Find("mocks")) {
    for (const Value& name : mocks->list())
      names->Set(name.str(), Value(Ref<Object>(new Mock(name.str()))));
  }
  if (const Value* vars = request_.Find("vars")) {
    for (const auto& e : vars->dict().entries()) names->Set(e.key.str(), e.value);
  }
  return names;
}

std::string Job::Run() {
  std::string mode = Text("mode");
  if (mode == "literal") {
    auto v = LiteralEval(Text("source"));
    return v.ok() ? Answer("ok", v->Repr()) : Failure(ParseStatus(v.status()));
  }
  Environment env({.trim_blocks = Flag("trim"), .lstrip_blocks = Flag("lstrip")});
  AddTextFilters(env);
  Templates templates;
  env.SetLoader([&](const std::string& name) -> Result<std::shared_ptr<const Template>> {
    const Value* files = request_.Find("files");
    const Value* text = files ? files->dict().Find(name) : nullptr;
    if (!text) return Status::NotFound(name);
    return env.Compile(text->str(), name);
  });
  Error error;
  auto t = env.Compile(Text("source"), "t", &error);
  if (!t.ok()) return Failure(error);
  if (mode == "parse") return Answer("ok", "");
  SessionOptions options;
  options.limits.max_steps = 5'000'000;
  options.limits.max_output_bytes = 32 << 20;
  std::string undefined = Text("undefined");
  if (undefined == "strict") options.undefined = UndefinedMode::kStrict;
  if (undefined == "chainable") options.undefined = UndefinedMode::kChainable;
  if (undefined == "debug") options.undefined = UndefinedMode::kDebug;
  Session session(env, MakeNames(), options);
  if (mode == "native") {
    auto v = RenderJinjaNative(session, **t);
    return v.ok() ? Answer("ok", v->Repr()) : Failure(session.error());
  }
  auto text = session.Render(**t);
  return text.ok() ? Answer("ok", *text) : Failure(session.error());
}

}  // namespace
}  // namespace tarn::jinja

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    auto request = tarn::jinja::FromJsonText(line);
    if (!request.ok() || !request->is_dict()) {
      std::cout << "{\"error\": \"BadRequest\"}\n" << std::flush;
      continue;
    }
    std::cout << tarn::jinja::Job(request->dict()).Run() << "\n" << std::flush;
  }
  return 0;
}
