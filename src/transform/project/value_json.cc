#include "transform/project/value_json.h"

namespace tarn::transform {

jinja::Value ToValue(const Json& tree) {
  switch (tree.type()) {
    case Json::value_t::null: return jinja::Value::None();
    case Json::value_t::boolean: return jinja::Value(tree.get<bool>());
    case Json::value_t::number_integer: return jinja::Value(tree.get<int64_t>());
    case Json::value_t::number_unsigned:
      return tree.get<uint64_t>() > INT64_MAX ? jinja::Value::IntegerFromText(tree.dump())
                                              : jinja::Value(tree.get<int64_t>());
    case Json::value_t::number_float: return jinja::Value(tree.get<double>());
    case Json::value_t::string: return jinja::Value(tree.get_ref<const std::string&>());
    case Json::value_t::array: {
      jinja::ValueList items;
      items.reserve(tree.size());
      for (const Json& item : tree) items.push_back(ToValue(item));
      return jinja::Value::List(std::move(items));
    }
    case Json::value_t::object: {
      auto dict = jinja::MakeRef<jinja::Dict>();
      for (const auto& [key, item] : tree.items()) dict->Set(std::string_view(key), ToValue(item));
      return dict;
    }
    default: return jinja::Value::None();
  }
}

Json ToJson(const jinja::Value& value) {
  switch (value.kind()) {
    case jinja::Kind::kUndefined:
    case jinja::Kind::kNone: return nullptr;
    case jinja::Kind::kBool: return value.as_bool();
    case jinja::Kind::kInt: return value.as_int();
    case jinja::Kind::kFloat: return value.as_float();
    case jinja::Kind::kString: return value.str();
    case jinja::Kind::kList:
    case jinja::Kind::kTuple: {
      Json list = Json::array();
      for (const jinja::Value& item : value.list()) list.push_back(ToJson(item));
      return list;
    }
    case jinja::Kind::kSet: {
      Json list = Json::array();
      for (size_t i = 0; i < value.set().size(); ++i) list.push_back(ToJson(value.set().at(i)));
      return list;
    }
    case jinja::Kind::kDict: {
      Json object = Json::object();
      for (const auto& entry : value.dict().entries()) {
        object[entry.key.Str()] = ToJson(entry.value);
      }
      return object;
    }
    default: return value.Str();
  }
}

}  // namespace tarn::transform
