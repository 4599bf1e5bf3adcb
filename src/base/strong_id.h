// StrongId<Tag, Rep>: an integer that cannot be mixed up with another kind of integer.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace tarn {

template <typename Tag, typename Rep = int64_t>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr StrongId Next() const { return StrongId(value_ + 1); }
  constexpr StrongId Previous() const { return StrongId(value_ - 1); }
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  std::string ToString() const { return std::to_string(value_); }

 private:
  Rep value_{};
};

}  // namespace tarn

template <typename Tag, typename Rep>
struct std::hash<tarn::StrongId<Tag, Rep>> {
  size_t operator()(const tarn::StrongId<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
