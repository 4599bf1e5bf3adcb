// Typed access to parsed JSON for the readers of this room: optional fields, nulls as absent,
// errors that name the field. Private to delta.
//
// Threads: free functions. Lifetime: views point into the parser's document.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "delta/actions.h"

namespace tarn::delta::json_read {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;

// JSON text without spaces.
std::string Minify(const Element& element);

// A wrong type is kCorruption "field '<name>' is not <what>".
Status Read(std::string_view name, const Element& value, std::string_view* out);
Status Read(std::string_view name, const Element& value, std::string* out);
Status Read(std::string_view name, const Element& value, int64_t* out);
Status Read(std::string_view name, const Element& value, int32_t* out);
Status Read(std::string_view name, const Element& value, bool* out);
Status Read(std::string_view name, const Element& value, std::vector<std::string>* out);
// Values that are not strings keep their JSON text; nulls are dropped.
Status Read(std::string_view name, const Element& value, StringMap* out);

template <typename T>
Status Read(std::string_view name, const Element& value, std::optional<T>* out) {
  return Read(name, value, &out->emplace());
}

// Parses one document held in `text`; `parser` owns the result. Numbers beyond 64 bits are
// tolerated.
Status ParseDocument(simdjson::dom::parser& parser, const char* text, size_t length, bool padded,
                     Element* out);

}  // namespace tarn::delta::json_read
