// Builds the text of one translated statement and remembers where its parts came from.
//
// Threads: value type. Errors: none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect/dialect.h"
#include "dialect/lexer.h"

namespace tarn::dialect {

class SqlWriter {
 public:
  // Text made here, as it is.
  void Text(std::string_view text) { sql_ += text; }

  // Text made here, kept apart from what is before it by a blank.
  void Word(std::string_view text) {
    Blank();
    sql_ += text;
  }

  // `text`, which stands for `token`.
  void Source(const Token& token, std::string_view text) {
    marks_.push_back({sql_.size(), token.offset, false});
    sql_ += text;
  }

  // Source text from `token` on, unchanged.
  void Verbatim(const Token& token, std::string_view text) {
    marks_.push_back({sql_.size(), token.offset, true});
    sql_ += text;
  }

  // A blank, unless one is not needed.
  void Blank() {
    if (!sql_.empty() && sql_.back() != ' ' && sql_.back() != '\n' && sql_.back() != '(')
      sql_ += ' ';
  }

  void Newline() {
    if (!sql_.empty() && sql_.back() != '\n') sql_ += '\n';
  }

  bool empty() const { return sql_.empty(); }
  const std::string& sql() const { return sql_; }
  std::string TakeSql() { return std::move(sql_); }
  std::vector<TranslatedStatement::Mark> TakeMarks() { return std::move(marks_); }

  // Appends what another writer made.
  void Append(const SqlWriter& other) {
    for (TranslatedStatement::Mark mark : other.marks_) {
      marks_.push_back({mark.sql_offset + sql_.size(), mark.source_offset, mark.verbatim});
    }
    sql_ += other.sql_;
  }

 private:
  std::string sql_;
  std::vector<TranslatedStatement::Mark> marks_;
};

}  // namespace tarn::dialect
