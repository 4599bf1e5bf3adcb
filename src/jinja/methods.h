// The methods of Python's built-in types: str, list, dict, tuple, set, int, float.
#pragma once

#include <string_view>

#include "base/status.h"
#include "jinja/object.h"
#include "jinja/value.h"

namespace tarn::jinja {

using Method = Result<Value> (*)(const Value& self, CallArgs& args);
// Null when values of that kind have no such method.
Method FindMethod(const Value& v, std::string_view name);
// A method as a value: `{{ x.upper }}`, `{% set f = x.upper %}`.
Value BindMethod(const Value& self, std::string_view name, Method method);

Method FindStringMethod(std::string_view name);                // methods_string.cc
Method FindContainerMethod(Kind kind, std::string_view name);  // methods_container.cc

// '...' % args and '...'.format(...), see format.cc.
Result<Value> PercentFormat(Session& session, const std::string& format, const Value& args);
Result<Value> BraceFormat(const std::string& format, CallArgs& args);
// format(value, spec): one field.
Result<std::string> FormatWithSpec(const Value& v, std::string_view spec);

}  // namespace tarn::jinja
