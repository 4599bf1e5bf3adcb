#include "delta/json_read.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "delta/json.h"

namespace tarn::delta {
namespace json_read {
namespace {

Status WrongType(std::string_view name, const char* what) {
  return Status::Corruption("field '" + std::string(name) + "' is not " + what);
}

}  // namespace

std::string Minify(const Element& element) { return simdjson::minify(element); }

Status Read(std::string_view name, const Element& value, std::string_view* out) {
  return value.get_string().get(*out) ? WrongType(name, "a string") : Status::Ok();
}

Status Read(std::string_view name, const Element& value, std::string* out) {
  std::string_view view;
  TARN_RETURN_IF_ERROR(Read(name, value, &view));
  out->assign(view);
  return Status::Ok();
}

Status Read(std::string_view name, const Element& value, int64_t* out) {
  if (!value.get_int64().get(*out)) return Status::Ok();
  double number;
  if (!value.get_double().get(number) && std::trunc(number) == number && std::abs(number) < 9e18) {
    *out = static_cast<int64_t>(number);
    return Status::Ok();
  }
  return WrongType(name, "a 64-bit integer");
}

Status Read(std::string_view name, const Element& value, int32_t* out) {
  int64_t wide;
  TARN_RETURN_IF_ERROR(Read(name, value, &wide));
  if (wide < INT32_MIN || wide > INT32_MAX) return WrongType(name, "a 32-bit integer");
  *out = static_cast<int32_t>(wide);
  return Status::Ok();
}

Status Read(std::string_view name, const Element& value, bool* out) {
  return value.get_bool().get(*out) ? WrongType(name, "true or false") : Status::Ok();
}

Status Read(std::string_view name, const Element& value, std::vector<std::string>* out) {
  simdjson::dom::array array;
  if (value.get_array().get(array)) return WrongType(name, "an array of strings");
  for (Element item : array) {
    std::string_view view;
    TARN_RETURN_IF_ERROR(Read(name, item, &view));
    out->emplace_back(view);
  }
  return Status::Ok();
}

Status Read(std::string_view name, const Element& value, StringMap* out) {
  Object object;
  if (value.get_object().get(object)) return WrongType(name, "an object of strings");
  for (auto [key, item] : object) {
    if (item.is_null()) continue;
    std::string_view view;
    if (item.get_string().get(view)) {
      out->insert_or_assign(std::string(key), Minify(item));
    } else {
      out->insert_or_assign(std::string(key), std::string(view));
    }
  }
  return Status::Ok();
}

Status ParseDocument(simdjson::dom::parser& parser, const char* text, size_t length, bool padded,
                     Element* out) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  auto error = parser.parse(bytes, length, !padded).get(*out);
  if (!error) return Status::Ok();
  // Integers beyond 64 bits are legal JSON in free-form parts (commitInfo); read them as doubles.
  if (error == simdjson::NUMBER_ERROR) {
    auto loose = nlohmann::json::parse(text, text + length, nullptr, false);
    if (!loose.is_discarded()) {
      const std::string again = loose.dump();
      error = parser.parse(again.data(), again.size(), true).get(*out);
      if (!error) return Status::Ok();
    }
  }
  return Status::Corruption(std::string("not valid JSON: ") + simdjson::error_message(error));
}

}  // namespace json_read

}  // namespace tarn::delta
