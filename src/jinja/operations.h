// Python's operators on Values, and Jinja2's way to attributes and items.
#pragma once

#include <string_view>

#include "base/status.h"
#include "jinja/number.h"
#include "jinja/object.h"
#include "jinja/value.h"

namespace tarn::jinja {

Result<Value> BinaryOperation(Session& session, NumberOp op, const Value& a, const Value& b);
Result<bool> ContainsItem(Session& session, const Value& container, const Value& item);
// x.name: the attribute, then the item, else an undefined that says so.
Result<Value> Attribute(Session& session, const Value& v, std::string_view name);
// x[key]: the item, then (for text) the attribute, else an undefined.
Result<Value> Subscript(Session& session, const Value& v, const Value& key);
// x[start:stop:step]; none for what is left out.
Result<Value> SliceOf(const Value& v, const Value& start, const Value& stop, const Value& step);
// The positions start, start + step, ... of a slice over `length` items.
Result<std::vector<int64_t>> SlicePositions(int64_t length, const Value& start, const Value& stop,
                                            const Value& step);
// Any callable Value.
Result<Value> CallValue(const Value& callee, CallArgs& args);
// x.name(...), without making a bound method where that can be saved.
Result<Value> CallMethodOf(const Value& v, std::string_view name, CallArgs& args);
bool IsCallable(const Value& v);
// x * n for text and lists, bounded.
Result<Value> Repeat(const Value& v, int64_t times);
// "'dict object' has no attribute 'x'": what Jinja2 calls an object in messages.
std::string DescribeObject(const Value& v);

}  // namespace tarn::jinja
