// A partition value's text as every type. What is read and written again is the same value.
#include "delta/value.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  using delta::TypeKind;
  if (size == 0) return 0;
  const std::string text(fuzz::TextOf(data + 1, size - 1));
  const auto type = data[0] % 20 < 18
                        ? delta::DataType::Primitive(static_cast<TypeKind>(data[0] % 15))
                        : delta::DataType::Decimal(1 + data[0] % 38, data[0] / 20);
  const auto value = delta::ParsePartitionValue(text, *type);
  if (!value.ok()) return 0;
  (void)value->ToString();
  const auto written = delta::SerializePartitionValue(*value, *type);
  if (!written.ok()) return 0;
  const auto again = delta::ParsePartitionValue(*written, *type);
  fuzz::Require(again.ok(), "'" + text + "' as " + type->ToString() +
                                " can be read again: " + again.status().ToString());
  fuzz::Require(again->is_null() == value->is_null(), "null stays null");
  const auto order = delta::CompareValues(*value, *again);
  const auto itself = delta::CompareValues(*value, *value);
  fuzz::Require(value->is_null() || !itself || order == std::strong_ordering::equal,
                "'" + text + "' as " + type->ToString() + " is the same value again");
  return 0;
}
