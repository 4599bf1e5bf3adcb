// The functions of dbt's context, each of which acts through the RenderScope of the rendering that
// calls it.
//
// Threads: what is made here is immutable and may be shared.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "jinja/session.h"
#include "transform/project/json.h"

namespace tarn::transform {

// ref, source, config, env_var, log, exceptions, tojson, set, zip, local_md5, builtins, …
void AddContextFunctions(jinja::Names& names);
// `modules` and `run_started_at`.
void AddModules(jinja::Names& names, int64_t started_at_micros);

using VariableLookup =
    std::function<std::optional<Json>(const std::string& package, const std::string& name)>;
// `var`: callable, with has_var.
jinja::Value MakeVariableObject(VariableLookup lookup);
// `flags`: attributes in any case; what is not set is none.
jinja::Value MakeFlags(const Json& flags);
// `adapter`: dispatch, quote and type here, everything else is the scope's.
jinja::Value MakeAdapter(const std::string& type, char quote);

}  // namespace tarn::transform
