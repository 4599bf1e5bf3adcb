// Values instead of text: what dbt does with Jinja inside YAML.
//
// A text that is one expression yields that expression's value (`{{ var('x') }}` may be a list); a
// constant expression yields its text, since Jinja2 computes it ahead; anything else is text.
// Python literals are read only where the text asks for it by a filter:
//   {{ x | as_bool }}    true or false, or an error
//   {{ x | as_number }}  a number, or an error
//   {{ x | as_native }}  whatever literal it is
//   {{ x | as_text }}    text, even if it looks like something else
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/environment.h"
#include "jinja/session.h"
#include "jinja/value.h"

namespace tarn::jinja {

// ast.literal_eval: strings, numbers (signed), tuples, lists, dicts, sets, True, False, None.
// ValueError or SyntaxError otherwise.
Result<Value> LiteralEval(std::string_view text);

// Adds as_bool, as_number, as_native and as_text for RenderNative.
void AddNativeFilters(Environment& env);
// Adds the same names for ordinary templates, where dbt lets them do nothing.
void AddTextFilters(Environment& env);

// Renders with dbt's rules above. REQUIRES: env has AddNativeFilters.
Result<Value> RenderNative(Session& session, const Template& t);
// Renders with Jinja2's NativeEnvironment: always tries LiteralEval on text.
Result<Value> RenderJinjaNative(Session& session, const Template& t);

}  // namespace tarn::jinja
