#include "dialect/lexer.h"

namespace tarn::dialect {

Result<std::vector<SourceStatement>> SplitStatements(std::string_view sql, SqlDialect dialect,
                                                     const TranslateContext& context) {
  std::optional<LexError> error;
  const std::vector<Token> tokens = Tokenize(sql, dialect, &error);
  if (error) {
    return Status::InvalidArgument(PlacedMessage(context, sql, error->offset, error->message));
  }
  std::vector<SourceStatement> statements;
  // Positions are counted once over the text, however many statements it has.
  size_t counted = 0;
  SourcePosition position = context.origin;
  for (size_t first = 0, i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kEnd && !tokens[i].Is(";")) continue;
    if (i > first) {
      const size_t offset = tokens[first].offset;
      SourcePosition step = PositionOf(sql.substr(counted), offset - counted);
      position.column = step.line > 1 ? step.column : position.column + step.column - 1;
      position.line += step.line - 1;
      counted = offset;
      const size_t length = tokens[i - 1].end() - offset;
      statements.push_back({std::string(sql.substr(offset, length)), offset, length, position});
    }
    first = i + 1;
  }
  return statements;
}

InputState ClassifyInput(std::string_view sql, SqlDialect dialect) {
  std::optional<LexError> error;
  const std::vector<Token> tokens = Tokenize(sql, dialect, &error);
  if (error) return InputState::kIncomplete;
  if (tokens.size() == 1) return InputState::kEmpty;
  return tokens[tokens.size() - 2].Is(";") ? InputState::kComplete : InputState::kIncomplete;
}

}  // namespace tarn::dialect
