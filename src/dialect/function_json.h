// A parsed JSON text. Threads: one user.
#pragma once

#include <string>
#include <string_view>

#include "yyjson.hpp"

namespace tarn::dialect {

class JsonDocument {
 public:
  explicit JsonDocument(std::string_view text) : document_(Read(text)) {
    // Line breaks and the like inside strings are no JSON, but Spark takes them.
    if (!document_) document_ = Read(WithEscapedControls(text));
  }
  ~JsonDocument() { duckdb_yyjson::yyjson_doc_free(document_); }
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Null when the text is no JSON.
  duckdb_yyjson::yyjson_val* root() const { return duckdb_yyjson::yyjson_doc_get_root(document_); }

 private:
  static duckdb_yyjson::yyjson_doc* Read(std::string_view text) {
    const auto flags =
        duckdb_yyjson::YYJSON_READ_BIGNUM_AS_RAW | duckdb_yyjson::YYJSON_READ_ALLOW_INF_AND_NAN;
    return duckdb_yyjson::yyjson_read_opts(const_cast<char*>(text.data()), text.size(), flags,
                                           nullptr, nullptr);
  }
  // Empty when there is nothing to escape.
  static std::string WithEscapedControls(std::string_view text);

  duckdb_yyjson::yyjson_doc* document_;
};

}  // namespace tarn::dialect
