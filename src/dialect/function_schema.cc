#include "dialect/function_schema.h"

#include <map>

#include "dialect/function_json.h"

#include "duckdb/common/string_util.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

class SchemaReader {
 public:
  explicit SchemaReader(std::string_view text) : text_(text) {}

  std::optional<LogicalType> Run() {
    // One type first; when that is not the whole text, a list of fields.
    LogicalType type;
    if (Type(type) && AtEnd()) return type;
    at_ = 0;
    depth_ = 0;
    child_list_t<LogicalType> fields;
    if (!Fields(fields) || !AtEnd()) return std::nullopt;
    return LogicalType::STRUCT(std::move(fields));
  }

 private:
  void Blanks() {
    while (at_ < text_.size() && StringUtil::CharacterIsSpace(text_[at_])) at_++;
  }
  bool AtEnd() {
    Blanks();
    return at_ == text_.size();
  }
  bool Accept(char c) {
    Blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }

  bool Word(std::string& word) {
    Blanks();
    word.clear();
    if (at_ < text_.size() && text_[at_] == '`') {
      for (at_++; at_ < text_.size(); at_++) {
        if (text_[at_] != '`') {
          word += text_[at_];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '`') {
          word += text_[at_++];
        } else {
          at_++;
          return true;
        }
      }
      return false;
    }
    while (at_ < text_.size() &&
           (StringUtil::CharacterIsAlphaNumeric(text_[at_]) || text_[at_] == '_' ||
            static_cast<unsigned char>(text_[at_]) >= 0x80)) {
      word += text_[at_++];
    }
    return !word.empty();
  }

  bool Fields(child_list_t<LogicalType>& fields) {
    do {
      std::string name;
      LogicalType type;
      if (!Word(name)) return false;
      Accept(':');
      if (!Type(type)) return false;
      const size_t before = at_;
      std::string word;
      // NOT NULL and COMMENT change nothing here.
      if (Word(word) && StringUtil::CIEquals(word, "not")) {
        if (!Word(word)) return false;
      } else {
        at_ = before;
      }
      fields.emplace_back(name, type);
    } while (Accept(','));
    return true;
  }

  bool Number(int& value) {
    std::string word;
    if (!Word(word) || word.size() > 3 || word.find_first_not_of("0123456789") != std::string::npos)
      return false;
    value = std::stoi(word);
    return true;
  }

  bool Decimal(LogicalType& type) {
    int precision = 10, scale = 0;
    if (Accept('(')) {
      if (!Number(precision)) return false;
      if (Accept(',') && !Number(scale)) return false;
      if (!Accept(')')) return false;
    }
    if (precision < 1 || precision > 38 || scale > precision) return false;
    type = LogicalType::DECIMAL(static_cast<uint8_t>(precision), static_cast<uint8_t>(scale));
    return true;
  }

  bool Type(LogicalType& type) {
    if (++depth_ > 100) return false;
    std::string word;
    if (!Word(word)) return false;
    word = StringUtil::Lower(word);
    static const std::map<std::string, LogicalType> kTypes = {
        {"string", LogicalType::VARCHAR},
        {"varchar", LogicalType::VARCHAR},
        {"char", LogicalType::VARCHAR},
        {"int", LogicalType::INTEGER},
        {"integer", LogicalType::INTEGER},
        {"bigint", LogicalType::BIGINT},
        {"long", LogicalType::BIGINT},
        {"smallint", LogicalType::SMALLINT},
        {"short", LogicalType::SMALLINT},
        {"tinyint", LogicalType::TINYINT},
        {"byte", LogicalType::TINYINT},
        {"float", LogicalType::FLOAT},
        {"real", LogicalType::FLOAT},
        {"double", LogicalType::DOUBLE},
        {"boolean", LogicalType::BOOLEAN},
        {"date", LogicalType::DATE},
        {"timestamp", LogicalType::TIMESTAMP_TZ},
        {"timestamp_ltz", LogicalType::TIMESTAMP_TZ},
        {"timestamp_ntz", LogicalType::TIMESTAMP},
        {"binary", LogicalType::BLOB}};
    if (auto found = kTypes.find(word); found != kTypes.end()) {
      type = found->second;
      int ignored = 0;
      if ((word == "varchar" || word == "char") && Accept('('))
        return Number(ignored) && Accept(')');
      return true;
    }
    if (word == "decimal" || word == "dec" || word == "numeric") return Decimal(type);
    if (!Accept('<')) return false;
    if (word == "array") {
      LogicalType child;
      if (!Type(child) || !Accept('>')) return false;
      type = LogicalType::LIST(child);
      return true;
    }
    if (word == "map") {
      LogicalType key, value;
      if (!Type(key) || !Accept(',') || !Type(value) || !Accept('>')) return false;
      type = LogicalType::MAP(key, value);
      return true;
    }
    child_list_t<LogicalType> fields;
    if (word != "struct" || !Fields(fields) || !Accept('>')) return false;
    type = LogicalType::STRUCT(std::move(fields));
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string JsonDocument::WithEscapedControls(std::string_view text) {
  std::string result;
  bool in_string = false, found = false;
  for (size_t at = 0; at < text.size(); at++) {
    const char c = text[at];
    if (in_string && static_cast<unsigned char>(c) < 0x20) {
      static constexpr char kDigits[] = "0123456789abcdef";
      result += "\\u00";
      result += kDigits[c >> 4];
      result += kDigits[c & 15];
      found = true;
      continue;
    }
    result += c;
    if (in_string && c == '\\' && at + 1 < text.size()) {
      result += text[++at];
    } else if (c == '"') {
      in_string = !in_string;
    }
  }
  return found ? result : std::string();
}

std::optional<LogicalType> ParseSchema(std::string_view text) { return SchemaReader(text).Run(); }

}  // namespace tarn::dialect
