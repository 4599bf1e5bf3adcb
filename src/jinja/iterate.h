// Iteration over Values as Python's iter() does it, and lazy iterables for filters.
//
// Lists are iterated live: what is appended meanwhile is seen. A dict or set that changes its size
// meanwhile is a RuntimeError.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "jinja/object.h"
#include "jinja/value.h"

namespace tarn::jinja {

// TypeError ("'int' object is not iterable") otherwise. The iterator keeps the value alive.
Result<std::unique_ptr<Iterator>> Iterate(Session& session, const Value& v);
bool IsIterable(const Value& v);
// len(x); no value: it has none.
std::optional<int64_t> LengthOf(const Value& v);
Result<ValueList> ToList(Session& session, const Value& v);

using NextFunction = std::function<Result<std::optional<Value>>(Session&)>;
// A generator: can be iterated once.
Value MakeGenerator(std::string type_name, NextFunction next);
// A generator over what is there.
Value MakeGenerator(std::string type_name, ValueList items);
// dict.keys(), values() and items(): live views with a length, iterated any number of times.
enum class DictPart : uint8_t { kKeys, kValues, kItems };
Value MakeView(DictPart part, const Value& dict);
// range(start, stop, step). REQUIRES: step != 0.
Value MakeRange(int64_t start, int64_t stop, int64_t step);
// The bounds of a range Value; false when it is none.
bool AsRange(const Value& v, int64_t* start, int64_t* stop, int64_t* step);

}  // namespace tarn::jinja
