// SQL text in both dialects: split, translate, place. Nothing is run.
#include "dialect/statement.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  using dialect::SqlDialect;
  if (size < 1) return 0;
  const std::string text(fuzz::TextOf(data + 1, size - 1));
  const SqlDialect dialect = data[0] & 1 ? SqlDialect::kDuckdb : SqlDialect::kSpark;
  dialect::TranslateContext context;
  if (data[0] & 2) {
    context.columns_of = [](const std::vector<std::string>&) {
      return Result<std::vector<std::string>>(std::vector<std::string>{"id", "name"});
    };
  }
  (void)dialect::ClassifyInput(text, dialect);
  const auto split = dialect::SplitStatements(text, dialect, context);
  if (split.ok()) {
    size_t end = 0;
    for (const auto& statement : *split) {
      fuzz::Require(statement.offset >= end, "statements do not overlap");
      end = statement.offset + statement.length;
      fuzz::Require(end <= text.size(), "statements lie in the text");
    }
  }
  const auto translated = dialect::TranslateText(text, dialect, context, nullptr);
  if (translated.ok()) {
    for (const auto& statement : *translated) {
      fuzz::Require(!statement.sql.empty(), "a statement is not empty");
      for (size_t at = 0; at <= statement.sql.size(); at += 1 + statement.sql.size() / 8)
        fuzz::Require(SourceOffsetOf(statement, at) <= text.size(), "an error has a place");
    }
  }
  (void)dialect::TranslateExpressionText(text, dialect, context).ok();
  return 0;
}
