// The arguments of a generic test, rendered: what `to: ref('x')` and `values: "{{ var('v') }}"`
// become when the test's macro is called, and what they refer to.
//
// Threads: as the scopes given.
#pragma once

#include "transform/project/parse_state.h"

namespace tarn::transform {

// Keyword arguments for the macro. Texts that look like a call of ref, source, var, env_var or doc
// are expressions; column_name stays text.
Result<jinja::Value> TestKeywords(const DbtNames& names, const MacroLibrary& macros,
                                  const TestMetadata& test, RenderScope& scope,
                                  const std::string& place, jinja::UndefinedMode undefined);

// Line of a test's target in its schema file, for messages.
size_t YamlLineOf(const SchemaFile& schema, const Node& test);

// What a test refers to, without or with rendering it.
Status CaptureTest(ParseState& state, Node& node, const TestMetadata& test, CapturedCalls* calls);

}  // namespace tarn::transform
