// Templates: compiling a corpus, the static walk over it, rendering a loop with macro calls. The
// corpus is every *.sql below TARN_JINJA_CORPUS, or 1,000 made-up models when that is not set.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "jinja/native.h"

namespace tarn::jinja {
namespace {

struct Corpus {
  std::vector<std::string> texts;
  size_t bytes = 0;
};

std::string Model(int i) {
  std::string n = std::to_string(i);
  return "{{ config(materialized='incremental', unique_key='id', tags=['daily', 'm" + n +
         "']) }}\n"
         "{%- set columns = ['id', 'user_id', 'amount_" +
         n +
         "'] -%}\nwith source as (\n  select\n"
         "  {% for c in columns %}{{ c }}{% if not loop.last %}, {% endif %}{% endfor %}\n"
         "  from {{ ref('stg_" +
         n +
         "') }} as s\n)\nselect *, {{ dbt_utils.generate_surrogate_key(columns) }} as k\n"
         "from source\n{% if is_incremental() %}where amount_" +
         n + " > (select max(a) from {{ this }}){% endif %}\n";
}

const Corpus& Texts() {
  static const Corpus corpus = [] {
    Corpus c;
    if (const char* folder = std::getenv("TARN_JINJA_CORPUS")) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().extension() != ".sql") continue;
        std::ifstream in(entry.path(), std::ios::binary);
        c.texts.emplace_back((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
      }
    } else {
      for (int i = 0; i < 1000; ++i) c.texts.push_back(Model(i));
    }
    for (const auto& t : c.texts) c.bytes += t.size();
    return c;
  }();
  return corpus;
}

void CompileCorpus(benchmark::State& state) {
  Environment env;
  AddTextFilters(env);  // dbt's
  size_t refused = 0;
  for (auto _ : state) {
    refused = 0;
    for (const auto& text : Texts().texts) refused += !env.Compile(text, "t").ok();
  }
  state.counters["files"] = static_cast<double>(Texts().texts.size());
  state.counters["refused"] = static_cast<double>(refused);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * Texts().bytes));
}
BENCHMARK(CompileCorpus)->Unit(benchmark::kMillisecond);

void WalkCorpus(benchmark::State& state) {
  Environment env;
  AddTextFilters(env);
  std::vector<std::shared_ptr<const Template>> templates;
  for (const auto& text : Texts().texts) {
    if (auto t = env.Compile(text, "t"); t.ok()) templates.push_back(*t);
  }
  size_t calls = 0;
  for (auto _ : state) {
    calls = 0;
    for (const auto& t : templates) calls += t->calls().size();
  }
  state.counters["calls"] = static_cast<double>(calls);
}
BENCHMARK(WalkCorpus)->Unit(benchmark::kMillisecond);

void RenderLoop(benchmark::State& state) {
  Environment env;
  auto t = env.Compile(
      "{% macro m(i, b=2) %}{{ i * b }}{% endmacro %}{% for i in range(1000) %}{{ m(i) }},"
      "{{ 'x' ~ i if i is odd else ['a', i]|join('-') }}{% endfor %}",
      "t");
  for (auto _ : state) {
    Session session(env, std::make_shared<Names>());
    benchmark::DoNotOptimize(session.Render(**t));
  }
}
BENCHMARK(RenderLoop)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tarn::jinja

BENCHMARK_MAIN();
