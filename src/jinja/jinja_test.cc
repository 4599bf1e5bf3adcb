// What a host relies on: values, errors with places, macros from C++, limits, the static walk. What
// templates mean is compared with Jinja2 in tests/jinja/suite.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jinja/json.h"
#include "jinja/modules.h"
#include "jinja/native.h"

namespace tarn::jinja {
namespace {

class JinjaTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Template> Compiled(const std::string& text,
                                           const std::string& name = "t.sql") {
    auto t = env_.Compile(text, name);
    EXPECT_TRUE(t.ok()) << t.status().message();
    return t.ok() ? *t : nullptr;
  }
  std::string Rendered(const std::string& text) {
    auto t = env_.Compile(text, "t.sql", &error_);
    if (!t.ok()) return t.status().message();
    Session session(env_, names_, options_);
    auto out = session.Render(**t);
    error_ = session.error();
    return out.ok() ? *out : out.status().message();
  }
  Environment env_;
  std::shared_ptr<Names> names_ = std::make_shared<Names>();
  SessionOptions options_;
  Error error_;
};

TEST_F(JinjaTest, AnErrorNamesFileLineAndColumn) {
  EXPECT_EQ(Rendered("a\n{{ foo.bar }}"), "t.sql:2:8: UndefinedError: 'foo' is undefined");
  EXPECT_EQ(error_.source_line, "{{ foo.bar }}");
  EXPECT_EQ(error_.Describe(),
            "t.sql:2:8: UndefinedError: 'foo' is undefined\n  2 | {{ foo.bar }}\n    |        ^\n"
            "  in template (t.sql:2)");
  EXPECT_EQ(
      Rendered("{% if x %}\n{{ 1 }}"),
      "t.sql:2:8: TemplateSyntaxError: Unexpected end of template. Jinja was looking for the "
      "following "
      "tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'.");
}

TEST_F(JinjaTest, AnErrorInAMacroShowsTheCallsOnTheWay) {
  Rendered(
      "{% macro inner(x) %}\n{{ x + 'a' }}{% endmacro %}\n{% macro outer() %}{{ inner(1) }}{% "
      "endmacro %}\n"
      "{{ outer() }}");
  ASSERT_EQ(error_.stack.size(), 3u);
  EXPECT_EQ(error_.stack[0].macro, "inner");
  EXPECT_EQ(error_.stack[0].line, 2);
  EXPECT_EQ(error_.stack[1].macro, "outer");
  EXPECT_EQ(error_.stack[1].line, 3);
  EXPECT_EQ(error_.stack[2].macro, "");
  EXPECT_EQ(error_.stack[2].line, 4);
}

TEST_F(JinjaTest, HostFunctionsTakeArgumentsAndFailWithTheirOwnKind) {
  names_->Set(
      "ref", MakeFunction("ref", [](CallArgs& a) -> Result<Value> {
        TARN_RETURN_IF_ERROR(a.Check("ref", {"package", "name", "version"}, 1));
        if (a.positional[0].Str() == "none")
          return MakeError("CompilationError", "no model 'none'");
        return Value("\"" + a.positional[0].Str() + "\"" + a.Get(2, "version", Value("")).Str());
      }));
  EXPECT_EQ(Rendered("{{ ref('a', version=2) }}"), "\"a\"2");
  EXPECT_EQ(Rendered("\n {{ ref('none') }}"), "t.sql:2:5: CompilationError: no model 'none'");
  EXPECT_EQ(Rendered("{{ ref(bad=1) }}"),
            "t.sql:1:4: TypeError: ref() got an unexpected keyword argument 'bad'");
}

TEST_F(JinjaTest, MacrosAreCalledFromTheHostWithTheNamesOfTheContext) {
  auto t = Compiled(
      "{% set hidden = 1 %}{% macro pick(a, b='B') %}{{ return([a, b, hidden, varargs]) }}{% "
      "endmacro %}"
      "{% macro text() %}{{ pick_other() }}{% endmacro %}");
  names_->Set("pick_other", MakeFunction("pick_other", [](CallArgs&) -> Result<Value> {
                return Value("other");
              }));
  Session session(env_, names_);
  CallArgs args(session);
  args.positional = {Value(1), Value(2), Value(3)};
  auto picked = session.CallMacro(t, "pick", nullptr, args);
  ASSERT_TRUE(picked.ok()) << picked.status().message();
  // A `set` beside a macro is none of its names, as in dbt.
  EXPECT_EQ(picked->Repr(), "[1, 2, Undefined, (3,)]");
  CallArgs none(session);
  EXPECT_EQ(session.CallMacro(t, "text", nullptr, none)->Str(), "other");
  EXPECT_EQ(session.CallMacro(t, "nope", nullptr, none).status().code(), StatusCode::kNotFound);
}

TEST_F(JinjaTest, BlocksOfDbtAreListedWithTheirPlaces) {
  auto t = Compiled(
      "{% macro m(a, b=2) %}x{% endmacro %}\n{% test unique(model) %}y{% endtest %}\n"
      "{% materialization t, adapter='duckdb', supported_languages=['sql','python'] -%}z"
      "{%- endmaterialization %}\n{% snapshot s %}{{ config(a=1) }}q{% endsnapshot %}{% docs d "
      "%}w{% enddocs %}");
  const auto& blocks = t->blocks();
  ASSERT_EQ(blocks.size(), 5u);
  EXPECT_EQ(blocks[0].parameters.size(), 2u);
  EXPECT_EQ(blocks[0].parameters[1].literal_default->Repr(), "2");
  EXPECT_EQ(blocks[1].unique, "test_unique");
  EXPECT_EQ(blocks[1].line, 2);
  EXPECT_EQ(blocks[2].unique, "materialization_t_duckdb");
  EXPECT_EQ(blocks[2].supported_languages, (std::vector<std::string>{"sql", "python"}));
  EXPECT_EQ(t->text().substr(blocks[3].body_begin, blocks[3].body_end - blocks[3].body_begin),
            "{{ config(a=1) }}q");
  EXPECT_EQ(t->text().substr(blocks[4].begin, blocks[4].end - blocks[4].begin),
            "{% docs d %}w{% enddocs %}");
}

TEST_F(JinjaTest, TheWalkFindsCallsWithoutRendering) {
  auto t = Compiled(
      "{{ config(materialized='table', tags=['a']) }} select * from {{ ref('p', 'm') }}"
      "{% if var('x', -1) %}{{ dbt_utils.star(from=ref(y)) }}{% endif %}");
  auto calls = t->calls();
  ASSERT_EQ(calls.size(), 5u);
  EXPECT_EQ(calls[0].callee, "config");
  EXPECT_EQ(calls[0].named[1].second->Repr(), "['a']");
  EXPECT_EQ(calls[1].callee, "ref");
  EXPECT_EQ(calls[1].positional[1]->Str(), "m");
  EXPECT_FALSE(calls[1].conditional);
  EXPECT_EQ(calls[2].positional[1]->Repr(), "-1");
  EXPECT_EQ(calls[3].callee, "dbt_utils.star");
  EXPECT_TRUE(calls[3].conditional);
  EXPECT_FALSE(calls[4].positional[0].has_value());
}

TEST_F(JinjaTest, LimitsEndWhatWouldNotEnd) {
  options_.limits.max_steps = 10'000;
  EXPECT_NE(
      Rendered(
          "{% for i in range(1000) %}{% for j in range(1000) %}{{ j }}{% endfor %}{% endfor %}")
          .find("LimitError"),
      std::string::npos);
  options_.limits.max_steps = 1'000'000'000;
  options_.limits.max_output_bytes = 1000;
  EXPECT_NE(Rendered("{% for i in range(1000) %}0123456789{% endfor %}").find("LimitError"),
            std::string::npos);
  EXPECT_NE(Rendered("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}").find("RecursionError"),
            std::string::npos);
  EXPECT_NE(Rendered("{{ 'a' * 100000000000 }}").find("MemoryError"), std::string::npos);
  EXPECT_NE(Rendered("{{ 2 ** 10000000 }}").find("OverflowError"), std::string::npos);
  EXPECT_NE(Rendered("{{ [" + std::string(5000, '[')).find("TemplateSyntaxError"),
            std::string::npos);
  EXPECT_NE(Rendered("{{ " + std::string(100'000, '(')).find("nest too deep"), std::string::npos);
}

TEST_F(JinjaTest, DeepAndCircularListsAreHandled) {
  // A list inside itself is never freed (values are counted, not traced): the last word opens it.
  EXPECT_EQ(Rendered("{% set l = [1] %}{% do l.append(l) %}{{ l }}{% do l.clear() %}"),
            "[1, [...]]");
  EXPECT_EQ(Rendered("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = "
                     "[ns.l] %}{% endfor %}ok"),
            "ok");
}

TEST_F(JinjaTest, TheCallableUndefinedOfParsingYieldsItself) {
  options_.undefined = UndefinedMode::kCallable;
  EXPECT_EQ(Rendered("[{{ a.b('c').d[1]('x') }}{% for x in y.z() %}{{ x }}{% endfor %}]"), "[]");
}

TEST_F(JinjaTest, OneTemplateRendersInManyThreads) {
  auto t = Compiled(
      "{% macro m(n) %}{{ n * 2 }}{% endmacro %}{% for i in range(50) %}{{ m(i) }},{{ {'a': [i]} "
      "}}{% endfor %}");
  Session first(env_, names_);
  std::string expected = *first.Render(*t);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        Session session(env_, std::make_shared<Names>());
        auto out = session.Render(*t);
        wrong += !out.ok() || *out != expected;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(JinjaTest, NativeValuesComeOfTheFiltersOnly) {
  AddNativeFilters(env_);
  auto native = [&](const std::string& text) {
    Session session(env_, names_);
    auto v = RenderNative(session, *Compiled(text));
    return v.ok() ? v->Repr() : v.status().message();
  };
  EXPECT_EQ(native("{{ 'x' | as_bool }}"),
            "JinjaRenderingError: Could not convert value 'x' into type 'bool'");
  EXPECT_EQ(native("{{ 'True' | as_bool }}"), "True");
  EXPECT_EQ(native("{{ '1' | as_number }}"), "1");
  EXPECT_EQ(native("{{ '[1]' | as_native }}"), "[1]");
  EXPECT_EQ(native("{{ '1' | as_text }}"), "'1'");
  EXPECT_EQ(native("{{ 1 + 1 }}"), "'2'");
  names_->Set("x", Value::List({Value(1)}));
  EXPECT_EQ(native("{{ x }}"), "[1]");
  EXPECT_EQ(native("{{ x }}!"), "'[1]!'");
}

TEST_F(JinjaTest, AMacroThatOutlivesItsRenderingSaysSo) {
  Value kept;
  names_->Set("keep", MakeFunction("keep", [&](CallArgs& a) -> Result<Value> {
                kept = a.positional[0];
                return Value("");
              }));
  Rendered("{% macro m() %}x{% endmacro %}{{ keep(m) }}");
  Session session(env_, names_);
  EXPECT_NE(session.Call(kept, ValueList{}).status().message().find("after its rendering was over"),
            std::string::npos);
}

TEST_F(JinjaTest, RandomBytesNeverCrash) {
  uint64_t state = 42;
  auto next = [&] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  static constexpr std::string_view kPieces[] = {
      "{{",   "}}", "{%",  "%}",     "if ", "for i in ", "endfor", "macro m(", "set x = ", "|",
      "(",    ")",  "[",   "]",      "'",   "\"",        "1",      ".",        "x",        "\n",
      "\xff", "\\", "raw", "endraw", "{#",  "#}",        "-",      "loop",     ",",        "="};
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (uint64_t n = next() % 40; n > 0; --n) text += kPieces[next() % std::size(kPieces)];
    Rendered(text);
  }
}

TEST(JinjaJson, RoundTripsAsPythonDoes) {
  auto v = FromJsonText(R"({"a": [1, 2.50, null, true, "\u00e9\ud83d\ude00"], "b": {}})");
  ASSERT_TRUE(v.ok()) << v.status().message();
  EXPECT_EQ(*ToJsonText(*v), R"({"a": [1, 2.5, null, true, "\u00e9\ud83d\ude00"], "b": {}})");
  EXPECT_FALSE(FromJsonText("{\"a\": }").ok());
}

}  // namespace
}  // namespace tarn::jinja
