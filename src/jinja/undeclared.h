// Does a body read a special name (`loop`, `caller`, `varargs`, ...) before it assigns it?
//
// Jinja2 decides by this whether a loop has a `loop`, and a macro takes a caller and extra
// arguments. The order is that of the tree, nested macros included, `block` bodies excluded.
#pragma once

#include <string_view>

#include "jinja/ast.h"

namespace tarn::jinja {

bool MentionsUndeclared(Stmts body, std::string_view name);

}  // namespace tarn::jinja
