// Trees to Jinja values and back.
//
// Threads: pure functions. ToJson turns what JSON has no word for (functions, dates, relations)
// into its text.
#pragma once

#include "jinja/value.h"
#include "transform/project/json.h"

namespace tarn::transform {

jinja::Value ToValue(const Json& tree);
Json ToJson(const jinja::Value& value);

}  // namespace tarn::transform
