// Template: a compiled text. Immutable, shared, rendered any number of times from any thread.
//
// Template::calls() is a static walk for hosts that want to know what a template refers to without
// rendering it (dbt's ref, source, config, var, env_var, macros): every call of a plain or dotted
// name in the order of the text, with the arguments that are literals.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

class Environment;
struct Program;

// The named blocks of dbt's grammar at the top of a text. All of them are macros to call.
enum class BlockKind : uint8_t { kMacro, kTest, kMaterialization, kSnapshot, kDocs };

// A parameter of a macro.
struct Parameter {
  std::string name;
  bool has_default = false;
  std::optional<Value> literal_default;  // when the default is a literal
};

struct Block {
  BlockKind kind = BlockKind::kMacro;
  std::string name;     // as written: `star`
  std::string unique;   // as dbt names it: `star`, `test_star`, `materialization_table_duckdb`
  std::string adapter;  // materialization: the adapter, "default" if none is named
  std::vector<std::string> supported_languages;  // materialization; {"sql"} if none is named
  std::vector<Parameter> parameters;
  size_t begin = 0;  // bytes of the text, tags included: text().substr(begin, end - begin)
  size_t end = 0;
  size_t body_begin = 0;  // between the tags
  size_t body_end = 0;
  int line = 0;  // of the opening tag
};

// A call found in the text. `callee` is the dotted name ("ref", "config.get", "adapter.dispatch",
// "dbt_utils.star"). A missing argument value was no literal.
struct CallSite {
  std::string callee;
  std::vector<std::optional<Value>> positional;
  std::vector<std::pair<std::string_view, std::optional<Value>>> named;
  bool dynamic_arguments = false;  // *args or **kwargs
  bool conditional = false;        // inside if, for, a macro's body or a conditional expression
  std::string_view in_block;       // Block::unique whose body it is in, "" at the top
  int line = 0;
  size_t offset = 0;
};

class Template {
 public:
  ~Template();
  Template(const Template&) = delete;

  const std::string& name() const;
  // The text as compiled: newlines normalised, one trailing newline dropped.
  const std::string& text() const;
  // The blocks at the top of the text, in order.
  const std::vector<Block>& blocks() const;
  // Null when there is no such block. `unique` as in Block.
  const Block* FindBlock(std::string_view unique) const;
  // Views into this template.
  std::vector<CallSite> calls() const;
  // Names that are read and never assigned in the text: what it needs from outside.
  std::vector<std::string_view> free_names() const;
  // True when there is no tag or expression in it: it renders to text().
  bool is_plain_text() const;

  const Program& program() const { return *program_; }  // the room's own

 private:
  friend class Environment;
  explicit Template(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace tarn::jinja
