// A parsed JSON text. Threads: one user.
#pragma once

#include <string_view>

#include "yyjson.hpp"

namespace tarn::dialect {

class JsonDocument {
 public:
  explicit JsonDocument(std::string_view text)
      : document_(duckdb_yyjson::yyjson_read_opts(
            const_cast<char*>(text.data()), text.size(),
            duckdb_yyjson::YYJSON_READ_BIGNUM_AS_RAW | duckdb_yyjson::YYJSON_READ_ALLOW_INF_AND_NAN,
            nullptr, nullptr)) {}
  ~JsonDocument() { duckdb_yyjson::yyjson_doc_free(document_); }
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Null when the text is no JSON.
  duckdb_yyjson::yyjson_val* root() const { return duckdb_yyjson::yyjson_doc_get_root(document_); }

 private:
  duckdb_yyjson::yyjson_doc* document_;
};

}  // namespace tarn::dialect
