#include "transform/project/yaml.h"

#include <yaml.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>

namespace tarn::transform {
namespace {

bool AllDigits(std::string_view text, const char* allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

// PyYAML's int: 0b1, 0x1f, 017, 1_000, 1:30.
bool ReadInteger(std::string_view text, Json* out) {
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  if (body.empty() || body[0] < '0' || body[0] > '9') return false;
  int base = 10;
  std::string digits;
  if (body.starts_with("0b") && AllDigits(body.substr(2), "01_")) {
    base = 2;
    digits = WithoutUnderscores(body.substr(2));
  } else if (body.starts_with("0x") && AllDigits(body.substr(2), "0123456789abcdefABCDEF_")) {
    base = 16;
    digits = WithoutUnderscores(body.substr(2));
  } else if (body.size() > 1 && body[0] == '0') {
    if (!AllDigits(body, "01234567_")) return false;
    base = 8;
    digits = WithoutUnderscores(body.substr(1));
  } else if (AllDigits(body, "0123456789_")) {
    digits = WithoutUnderscores(body);
  } else if (body[0] != '0' && AllDigits(body, "0123456789_:") && body.back() != ':') {
    int64_t value = 0;  // sexagesimal: groups after the first have at most two digits below 60
    for (size_t at = 0; at <= body.size();) {
      const size_t end = std::min(body.find(':', at), body.size());
      const std::string group = WithoutUnderscores(body.substr(at, end - at));
      if (group.empty() || (at > 0 && (group.size() > 2 || std::stoi(group) > 59))) return false;
      value = value * 60 + std::strtoll(group.c_str(), nullptr, 10);
      at = end + 1;
    }
    *out = negative ? -value : value;
    return true;
  } else {
    return false;
  }
  if (digits.empty()) return false;
  errno = 0;
  const long long value = std::strtoll(digits.c_str(), nullptr, base);
  if (errno == ERANGE) return false;  // stays text: nothing is rounded
  *out = static_cast<int64_t>(negative ? -value : value);
  return true;
}

// PyYAML's float: needs a dot, and a sign in the exponent; so 1e3 is text.
bool ReadFloat(std::string_view text, Json* out) {
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  if (body == ".inf" || body == ".Inf" || body == ".INF") {
    *out = negative ? -INFINITY : INFINITY;
    return true;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") {
    *out = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  const size_t dot = body.find('.');
  if (dot == std::string_view::npos) return false;
  const size_t exponent = body.find_first_of("eE");
  const std::string_view whole = body.substr(0, dot);
  const std::string_view fraction = body.substr(
      dot + 1, exponent == std::string_view::npos ? std::string_view::npos : exponent - dot - 1);
  if (whole.empty() && fraction.empty()) return false;
  if (!whole.empty() && (!AllDigits(whole, "0123456789_") || whole[0] == '_')) return false;
  if (!fraction.empty() && !AllDigits(fraction, "0123456789_")) return false;
  if (exponent != std::string_view::npos) {
    const std::string_view power = body.substr(exponent + 1);
    if (power.size() < 2 || (power[0] != '+' && power[0] != '-') ||
        !AllDigits(power.substr(1), "0123456789")) {
      return false;
    }
  }
  *out = std::strtod(WithoutUnderscores(text).c_str(), nullptr);
  return true;
}

Json ResolvePlain(std::string_view text) {
  static const std::map<std::string_view, bool> kBooleans = {
      {"yes", true},    {"Yes", true},    {"YES", true},  {"no", false},  {"No", false},
      {"NO", false},    {"true", true},   {"True", true}, {"TRUE", true}, {"false", false},
      {"False", false}, {"FALSE", false}, {"on", true},   {"On", true},   {"ON", true},
      {"off", false},   {"Off", false},   {"OFF", false}};
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (const auto it = kBooleans.find(text); it != kBooleans.end()) return it->second;
  const char first = text[0];
  if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
    Json number;
    if (ReadInteger(text, &number) || ReadFloat(text, &number)) return number;
  }
  return std::string(text);
}

// Builds the tree from libyaml's events.
class Reader {
 public:
  Reader(std::string_view text, std::string file) : file_(std::move(file)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Json> Document() {
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const EventPtr event, Next());
      switch (event->type) {
        case YAML_STREAM_END_EVENT: return Json();
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT: break;
        case YAML_DOCUMENT_END_EVENT: return Json();
        default: return Node(*event);
      }
    }
  }

  // While the tree is read: the path to look for, and the line of its deepest part that was met.
  void Locate(const std::vector<std::string>* path) { wanted_ = path; }
  size_t found_line() const { return found_line_; }

 private:
  struct FreeEvent {
    void operator()(yaml_event_t* event) const {
      yaml_event_delete(event);
      delete event;
    }
  };
  using EventPtr = std::unique_ptr<yaml_event_t, FreeEvent>;
  static constexpr int kMaxDepth = 200;

  Result<EventPtr> Next() {
    EventPtr event(new yaml_event_t());
    if (yaml_parser_parse(&parser_, event.get()) != 0) return event;
    std::string what = parser_.problem != nullptr ? parser_.problem : "unreadable";
    if (parser_.context != nullptr) what = std::string(parser_.context) + ", " + what;
    return Fail(parser_.problem_mark, "this is no YAML: " + what);
  }

  Status Fail(const yaml_mark_t& mark, const std::string& what) const {
    return Status::InvalidArgument(file_ + ":" + std::to_string(mark.line + 1) + ":" +
                                   std::to_string(mark.column + 1) + ": " + what);
  }

  void Note(const yaml_event_t& event) {
    if (wanted_ == nullptr || path_.size() > wanted_->size() || path_.size() < found_depth_) return;
    for (size_t i = 0; i < path_.size(); ++i) {
      if (path_[i] != (*wanted_)[i]) return;
    }
    found_depth_ = path_.size();
    found_line_ = event.start_mark.line + 1;
  }

  Result<Json> Node(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_ALIAS_EVENT: {
        const auto it = anchors_.find(reinterpret_cast<const char*>(event.data.alias.anchor));
        if (it == anchors_.end()) {
          return Fail(event.start_mark, "alias of an anchor that is not defined");
        }
        // Aliases of aliases grow a tree without end out of a small file.
        if (++aliases_ > 10'000) return Fail(event.start_mark, "too many aliases");
        return it->second;
      }
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event.data.scalar;
        const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
        const std::string_view tag =
            scalar.tag == nullptr ? "" : reinterpret_cast<const char*>(scalar.tag);
        const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE && tag.empty();
        Json value =
            plain || tag.ends_with(":int") || tag.ends_with(":float") || tag.ends_with(":bool")
                ? ResolvePlain(text)
                : Json(std::string(text));
        Remember(scalar.anchor, value);
        return value;
      }
      case YAML_SEQUENCE_START_EVENT: return Sequence(event);
      case YAML_MAPPING_START_EVENT: return Mapping(event);
      default: return Fail(event.start_mark, "unexpected content");
    }
  }

  void Remember(const yaml_char_t* anchor, const Json& value) {
    if (anchor != nullptr) anchors_[reinterpret_cast<const char*>(anchor)] = value;
  }

  Result<Json> Sequence(const yaml_event_t& start) {
    if (++depth_ > kMaxDepth) return Fail(start.start_mark, "nested too deeply");
    Json list = Json::array();
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const EventPtr event, Next());
      if (event->type == YAML_SEQUENCE_END_EVENT) break;
      if (wanted_ != nullptr) path_.push_back(std::to_string(list.size()));
      Note(*event);
      TARN_ASSIGN_OR_RETURN(Json item, Node(*event));
      if (wanted_ != nullptr) path_.pop_back();
      list.push_back(std::move(item));
    }
    --depth_;
    Remember(start.data.sequence_start.anchor, list);
    return list;
  }

  static void Merge(Json& into, const Json& from) {
    if (from.is_array()) {
      for (const Json& item : from) Merge(into, item);
    } else if (from.is_object()) {
      for (const auto& [key, value] : from.items()) {
        if (!into.contains(key)) into[key] = value;
      }
    }
  }

  Result<Json> Mapping(const yaml_event_t& start) {
    if (++depth_ > kMaxDepth) return Fail(start.start_mark, "nested too deeply");
    Json object = Json::object();
    Json merges = Json::array();
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const EventPtr event, Next());
      if (event->type == YAML_MAPPING_END_EVENT) break;
      TARN_ASSIGN_OR_RETURN(const Json key_value, Node(*event));
      if (!key_value.is_primitive()) return Fail(event->start_mark, "a key must be a scalar");
      const std::string key = PythonText(key_value);
      TARN_ASSIGN_OR_RETURN(const EventPtr value_event, Next());
      if (wanted_ != nullptr) path_.push_back(key);
      Note(*event);
      TARN_ASSIGN_OR_RETURN(Json value, Node(*value_event));
      if (wanted_ != nullptr) path_.pop_back();
      if (key == "<<") {
        merges.push_back(std::move(value));
      } else {
        object[key] = std::move(value);
      }
    }
    Merge(object, merges);
    --depth_;
    Remember(start.data.mapping_start.anchor, object);
    return object;
  }

  yaml_parser_t parser_;
  std::string file_;
  std::map<std::string, Json> anchors_;
  int depth_ = 0;
  int aliases_ = 0;
  const std::vector<std::string>* wanted_ = nullptr;
  std::vector<std::string> path_;
  size_t found_depth_ = 0;
  size_t found_line_ = 1;
};

bool NeedsQuotes(const std::string& text) {
  return text.empty() || !ResolvePlain(text).is_string() ||
         text.find_first_of(":#{}[],&*!|>'\"%@`\n\\") != std::string::npos || text.front() == ' ' ||
         text.back() == ' ' || text.front() == '-' || text.front() == '?';
}

void Write(const Json& value, int indent, std::string& out) {
  const std::string pad(static_cast<size_t>(indent), ' ');
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, item] : value.items()) {
      out += pad + (NeedsQuotes(key) ? Json(key).dump() : key) + ":";
      const bool nested = item.is_structured() && !item.empty();
      out += nested ? "\n" : " ";
      Write(item, item.is_object() ? indent + 2 : indent, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const Json& item : value) {
      std::string inner;
      Write(item, indent + 2, inner);
      const bool nested = item.is_structured() && !item.empty();
      out += pad + "- " + (nested ? inner.substr(pad.size() + 2) : inner);
    }
  } else if (value.is_string() && !NeedsQuotes(value.get_ref<const std::string&>())) {
    out += value.get_ref<const std::string&>() + "\n";
  } else {
    out += value.dump() + "\n";
  }
}

}  // namespace

Result<Json> ParseYaml(std::string_view text, const std::string& file) {
  return Reader(text, file).Document();
}

size_t YamlLine(std::string_view text, const std::vector<std::string>& path) {
  Reader reader(text, "");
  reader.Locate(&path);
  (void)reader.Document();
  return reader.found_line();
}

Json YamlScalar(std::string_view text) { return ResolvePlain(text); }

std::string WriteYaml(const Json& value) {
  std::string out;
  Write(value, 0, out);
  return out;
}

}  // namespace tarn::transform
