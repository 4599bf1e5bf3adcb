#include "duck/zorder.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "duckdb/function/create_sort_key.hpp"

namespace tarn::duck {
namespace {

using duckdb::PhysicalType;

constexpr int kMaxBits = 12;  // 4,096 ranges per column
constexpr uint64_t kSignBit = uint64_t{1} << 63;

bool IsNumber(const duckdb::LogicalType& type) {
  switch (type.InternalType()) {
    case PhysicalType::BOOL:
    case PhysicalType::INT8:
    case PhysicalType::INT16:
    case PhysicalType::INT32:
    case PhysicalType::INT64:
    case PhysicalType::UINT8:
    case PhysicalType::UINT16:
    case PhysicalType::UINT32:
    case PhysicalType::UINT64:
    case PhysicalType::FLOAT:
    case PhysicalType::DOUBLE: return true;
    default: return false;
  }
}

uint64_t Ordered(int64_t value) { return static_cast<uint64_t>(value) ^ kSignBit; }

// IEEE order; NaN last, and the two zeros one.
uint64_t Ordered(double value) {
  if (value == 0) value = 0;
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

// Calls use(row, key) for each row of a numeric column that is not NULL.
template <typename T, typename Wide, typename Use>
void EachNumberOf(duckdb::UnifiedVectorFormat& format, duckdb::idx_t count, const Use& use) {
  const auto* values = duckdb::UnifiedVectorFormat::GetData<T>(format);
  for (duckdb::idx_t i = 0; i < count; ++i) {
    const auto at = format.sel->get_index(i);
    if (format.validity.RowIsValid(at)) use(i, Ordered(static_cast<Wide>(values[at])));
  }
}

template <typename Use>
void EachNumber(duckdb::Vector& column, duckdb::idx_t count, const Use& use) {
  duckdb::UnifiedVectorFormat format;
  column.ToUnifiedFormat(count, format);
  switch (column.GetType().InternalType()) {
    case PhysicalType::BOOL: return EachNumberOf<bool, int64_t>(format, count, use);
    case PhysicalType::INT8: return EachNumberOf<int8_t, int64_t>(format, count, use);
    case PhysicalType::INT16: return EachNumberOf<int16_t, int64_t>(format, count, use);
    case PhysicalType::INT32: return EachNumberOf<int32_t, int64_t>(format, count, use);
    case PhysicalType::INT64: return EachNumberOf<int64_t, int64_t>(format, count, use);
    case PhysicalType::UINT8: return EachNumberOf<uint8_t, int64_t>(format, count, use);
    case PhysicalType::UINT16: return EachNumberOf<uint16_t, int64_t>(format, count, use);
    case PhysicalType::UINT32: return EachNumberOf<uint32_t, int64_t>(format, count, use);
    case PhysicalType::UINT64: return EachNumberOf<uint64_t, int64_t>(format, count, use);
    case PhysicalType::FLOAT: return EachNumberOf<float, double>(format, count, use);
    default: return EachNumberOf<double, double>(format, count, use);
  }
}

// The same for all other types, with bytes that compare like the values.
template <typename Use>
void EachBytes(duckdb::Vector& column, duckdb::idx_t count, const Use& use) {
  const bool text = column.GetType().id() == duckdb::LogicalTypeId::VARCHAR ||
                    column.GetType().id() == duckdb::LogicalTypeId::BLOB;
  duckdb::Vector keys(duckdb::LogicalType::BLOB, count);
  if (!text) {
    const duckdb::OrderModifiers ascending(duckdb::OrderType::ASCENDING,
                                           duckdb::OrderByNullType::NULLS_FIRST);
    duckdb::CreateSortKeyHelpers::CreateSortKey(column, count, ascending, keys);
  }
  duckdb::UnifiedVectorFormat format, nulls;
  (text ? column : keys).ToUnifiedFormat(count, format);
  column.ToUnifiedFormat(count, nulls);
  const auto* values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  for (duckdb::idx_t i = 0; i < count; ++i) {
    if (!nulls.validity.RowIsValid(nulls.sel->get_index(i))) continue;
    const auto& value = values[format.sel->get_index(i)];
    use(i, std::string_view(value.GetData(), value.GetSize()));
  }
}

// Evenly spaced bounds of a sample.
template <typename T>
std::vector<T> BoundsOf(std::vector<T> sample, size_t ranges) {
  std::sort(sample.begin(), sample.end());
  std::vector<T> bounds;
  for (size_t i = 1; i < ranges && !sample.empty(); ++i) {
    const T& bound = sample[sample.size() * i / ranges];
    if (bounds.empty() || bounds.back() != bound) bounds.push_back(bound);
  }
  return bounds;
}

}  // namespace

ZOrderSampler::ZOrderSampler(duckdb::vector<duckdb::LogicalType> types, uint64_t step)
    : types_(std::move(types)), step_(std::max<uint64_t>(step, 1)), keys_(types_.size()) {
  for (size_t i = 0; i < types_.size(); ++i) keys_[i].numbers = IsNumber(types_[i]);
}

void ZOrderSampler::Add(const std::vector<duckdb::Vector*>& columns, duckdb::idx_t count) {
  std::vector<bool> taken(count, false);
  uint64_t at = skip_;
  for (; at < count; at += step_) taken[at] = true;
  skip_ = at - count;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (keys_[i].numbers) {
      EachNumber(*columns[i], count, [&](duckdb::idx_t row, uint64_t key) {
        if (taken[row]) keys_[i].number.push_back(key);
      });
    } else {
      EachBytes(*columns[i], count, [&](duckdb::idx_t row, std::string_view key) {
        if (taken[row]) keys_[i].bytes.emplace_back(key);
      });
    }
  }
}

ZOrder::ZOrder(duckdb::vector<duckdb::LogicalType> types, std::vector<ZOrderSampler>& samples)
    : types_(std::move(types)) {
  bits_ = std::clamp(64 / static_cast<int>(std::max<size_t>(types_.size(), 1)), 1, kMaxBits);
  const size_t ranges = (size_t{1} << bits_) - 1;  // the lowest rank is NULL's
  for (size_t column = 0; column < types_.size(); ++column) {
    RankKeys all;
    all.numbers = IsNumber(types_[column]);
    for (auto& sample : samples) {
      auto& keys = sample.keys()[column];
      all.number.insert(all.number.end(), keys.number.begin(), keys.number.end());
      all.bytes.insert(all.bytes.end(), std::make_move_iterator(keys.bytes.begin()),
                       std::make_move_iterator(keys.bytes.end()));
    }
    all.number = BoundsOf(std::move(all.number), ranges);
    all.bytes = BoundsOf(std::move(all.bytes), ranges);
    bounds_.push_back(std::move(all));
  }
}

void ZOrder::Keys(const std::vector<duckdb::Vector*>& columns, duckdb::idx_t count,
                  uint64_t* out) const {
  std::vector<uint32_t> ranks(count);
  std::fill(out, out + count, 0);
  const size_t stride = types_.size();
  for (size_t column = 0; column < stride && column < 64; ++column) {
    std::fill(ranks.begin(), ranks.end(), 0);
    const RankKeys& bounds = bounds_[column];
    if (bounds.numbers) {
      EachNumber(*columns[column], count, [&](duckdb::idx_t row, uint64_t key) {
        const auto& all = bounds.number;
        ranks[row] =
            1 + static_cast<uint32_t>(std::upper_bound(all.begin(), all.end(), key) - all.begin());
      });
    } else {
      EachBytes(*columns[column], count, [&](duckdb::idx_t row, std::string_view key) {
        const auto& all = bounds.bytes;
        ranks[row] =
            1 + static_cast<uint32_t>(std::upper_bound(all.begin(), all.end(), key) - all.begin());
      });
    }
    // Bit b of this column's rank goes to bit b * stride + (stride - 1 - column).
    for (int bit = 0; bit < bits_; ++bit) {
      const auto to = static_cast<size_t>(bit) * stride + (stride - 1 - column);
      if (to >= 64) break;
      for (duckdb::idx_t row = 0; row < count; ++row) {
        out[row] |= static_cast<uint64_t>((ranks[row] >> bit) & 1) << to;
      }
    }
  }
}

}  // namespace tarn::duck
