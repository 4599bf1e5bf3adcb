// A template: any bytes compile and render, or fail with one line. Rendering is bounded by small
// limits; the walk and the blocks must be within the text.
#include "fuzz.h"
#include "jinja/modules.h"
#include "jinja/native.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  using namespace tarn::jinja;
  if (size > 20'000) return 0;
  static const auto* env = new Environment();
  std::string text(fuzz::TextOf(data, size));
  (void)LiteralEval(text).ok();
  auto t = env->Compile(text, "t");
  if (!t.ok()) {
    fuzz::Require(t.status().message().starts_with("t:"),
                  "an error of the compiler names its place");
    return 0;
  }
  for (const Block& b : (*t)->blocks()) {
    fuzz::Require(b.begin < b.body_begin && b.body_begin <= b.body_end && b.body_end < b.end &&
                      b.end <= (*t)->text().size(),
                  "a block lies within its text");
  }
  for (const CallSite& c : (*t)->calls())
    fuzz::Require(c.offset < (*t)->text().size(), "a call lies within its text");
  SessionOptions options;
  options.limits = {.max_depth = 40, .max_steps = 3000, .max_output_bytes = 100'000};
  auto names = std::make_shared<Names>();
  names->Set("modules", MakeModules());
  names->Set("l", Value::List({Value(1), Value("a"), Value::None()}));
  names->Set("d", Value::MakeDict({{"a", Value(1)}}));
  Session session(*env, names, options);
  auto out = session.Render(**t);
  if ((*t)->is_plain_text() && out.ok())
    fuzz::Require(*out == (*t)->text(), "plain text renders to itself");
  return 0;
}
