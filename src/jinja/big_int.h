// Integers beyond 64 bits. Apart, because their library is large and few files look inside.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include "jinja/value.h"

namespace tarn::jinja {

struct BigInt : public Shared {
  explicit BigInt(boost::multiprecision::cpp_int v) : number(std::move(v)) {}
  const boost::multiprecision::cpp_int number;
};

// REQUIRES: is_integral().
boost::multiprecision::cpp_int ToBig(const Value& integral);
// kInt where it fits.
Value FromBig(const boost::multiprecision::cpp_int& number);

}  // namespace tarn::jinja
