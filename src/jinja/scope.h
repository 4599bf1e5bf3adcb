// Settles which variable each name of a template means, by Jinja2's rules of scope:
//
// - a template, a macro, a call block and a `block` have variables of their own; loops, `with`,
// `set` blocks
//   and filter blocks are scopes within them, `if` is none;
// - a name assigned in a scope begins as the outer variable of that name (alias), or as undefined;
// - a name only read is looked up in the context when its scope is entered;
// - a macro sees the variables of the scopes around its definition, as they are when it runs.
//
// Jinja2 decides this from the text alone, before anything runs; so does this.
#pragma once

#include <string>

#include "base/status.h"
#include "jinja/ast.h"

namespace tarn::jinja {

struct ScopeFailure {
  std::string kind;
  std::string message;
  uint32_t offset = 0;
};

// False when the template is refused: see *failure.
bool ResolveScopes(Program& program, ScopeFailure* failure);

}  // namespace tarn::jinja
