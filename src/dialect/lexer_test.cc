#include "dialect/lexer.h"

#include <gtest/gtest.h>

#include <random>

namespace tarn::dialect {
namespace {

std::vector<Token> Spark(std::string_view text) {
  std::optional<LexError> error;
  auto tokens = Tokenize(text, SqlDialect::kSpark, &error);
  EXPECT_FALSE(error) << (error ? error->message : "");
  return tokens;
}

// Tokens and the gaps between them give the text again.
void ExpectRoundTrip(std::string_view text, SqlDialect dialect) {
  std::optional<LexError> error;
  const auto tokens = Tokenize(text, dialect, &error);
  size_t at = 0;
  std::string again;
  for (const Token& token : tokens) {
    ASSERT_GE(token.offset, at);
    again += text.substr(at, token.offset - at);
    again += token.text;
    ASSERT_EQ(text.substr(token.offset, token.text.size()), token.text);
    at = token.end();
  }
  if (error) {
    EXPECT_LE(error->offset, text.size());
  } else {
    EXPECT_EQ(again + std::string(text.substr(std::min(at, text.size()))), text);
  }
}

TEST(LexerTest, SparkStringsAreDecoded) {
  const auto value = [](std::string_view text) { return Spark(text).front().value; };
  EXPECT_EQ(value("'it''s'"), "it's");
  EXPECT_EQ(value(R"('it\'s')"), "it's");
  EXPECT_EQ(value(R"("say ""x""")"), "say \"x\"");
  EXPECT_EQ(value(R"('a\nb\tc\\d')"), "a\nb\tc\\d");
  EXPECT_EQ(value(R"('\u00e9\U0001F600\uD83D\uDE00')"), "é😀😀");
  EXPECT_EQ(value(R"('\101\z\%\_')"), "Az\\%\\_");
  EXPECT_EQ(value(R"(r'\d+\')"), R"(\d+\)");
  EXPECT_EQ(value(R"(R"\d'")"), R"(\d')");
  EXPECT_EQ(value(R"('\ud800x')"), "\xEF\xBF\xBDx");
  EXPECT_EQ(value("`a``b c`"), "a`b c");
  EXPECT_EQ(Spark(R"('x\0y')").front().value, std::string("x\0y", 3));
}

TEST(LexerTest, DialectsDifferInQuotes) {
  std::optional<LexError> error;
  auto duckdb = Tokenize(R"("a""b" E'x\ny' 'a\' $t$ ; $t$)", SqlDialect::kDuckdb, &error);
  ASSERT_FALSE(error);
  EXPECT_EQ(duckdb[0].kind, TokenKind::kQuotedName);
  EXPECT_EQ(duckdb[0].value, "a\"b");
  EXPECT_EQ(duckdb[1].value, "x\ny");
  EXPECT_EQ(duckdb[2].value, "a\\");
  EXPECT_EQ(duckdb[3].value, " ; ");
  EXPECT_EQ(Spark("\"a\"").front().kind, TokenKind::kString);
}

TEST(LexerTest, NumbersAndWords) {
  auto kinds = [](std::string_view text) {
    std::string out;
    for (const Token& token : Spark(text)) {
      if (token.kind == TokenKind::kNumber) out += 'n';
      if (token.kind == TokenKind::kWord) out += 'w';
      if (token.kind == TokenKind::kSymbol) out += 's';
    }
    return out;
  };
  EXPECT_EQ(kinds("10L 1.5 .5 1e3 1.5BD 3D 2.5F 4S 5Y 1."), "nnnnnnnnnn");
  EXPECT_EQ(kinds("2024_sales 1st a1"), "www");
  EXPECT_EQ(kinds("t.1 a<=>b a>>b"), "wnwswwssw");
}

TEST(LexerTest, Comments) {
  const auto tokens = Spark("a -- x ; ' \n /* b /* ; */ ' */ c");
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[1].text, "c");
  EXPECT_TRUE(tokens[1].comment_before);
}

TEST(LexerTest, OpenQuotesSayWhereTheyBegan) {
  for (auto [text, message] :
       {std::pair<std::string_view, std::string_view>{
            "SELECT 1;\n SELECT 'abc", "f.sql:2:9: the string that begins here has no closing '"},
        {"/* a /* b */", "f.sql:1:1: the comment that begins here has no closing */"},
        {"é `x", "f.sql:1:3: the quoted name that begins here has no closing `"},
        {"$$ x", "f.sql:1:1: the string that begins here has no closing $$"},
        {"r'x", "f.sql:1:1: the string that begins here has no closing '"}}) {
    TranslateContext context;
    context.source_name = "f.sql";
    const auto split = SplitStatements(text, SqlDialect::kSpark, context);
    ASSERT_FALSE(split.ok()) << text;
    EXPECT_EQ(split.status().message(), message);
  }
}

TEST(LexerTest, SplitRespectsQuotesAndGivesPlaces) {
  const auto split = SplitStatements("-- c;\nSELECT ';' ; ;\n  SELECT \";\" /* ; */ , `a;b`;--e\n",
                                     SqlDialect::kSpark);
  ASSERT_TRUE(split.ok());
  ASSERT_EQ(split->size(), 2u);
  EXPECT_EQ((*split)[0].text, "SELECT ';'");
  EXPECT_EQ((*split)[0].position.line, 2u);
  EXPECT_EQ((*split)[1].text, "SELECT \";\" /* ; */ , `a;b`");
  EXPECT_EQ((*split)[1].position.line, 3u);
  EXPECT_EQ((*split)[1].position.column, 3u);
  EXPECT_EQ((*split)[1].offset, 23u);
}

TEST(LexerTest, ClassifiesInputOfAPrompt) {
  EXPECT_EQ(ClassifyInput("  -- x\n", SqlDialect::kSpark), InputState::kEmpty);
  EXPECT_EQ(ClassifyInput("SELECT 1", SqlDialect::kSpark), InputState::kIncomplete);
  EXPECT_EQ(ClassifyInput("SELECT ';", SqlDialect::kSpark), InputState::kIncomplete);
  EXPECT_EQ(ClassifyInput("SELECT 1; -- done", SqlDialect::kSpark), InputState::kComplete);
}

TEST(LexerTest, QuotesNamesOnlyWhenNeeded) {
  EXPECT_EQ(QuoteNameIfNeeded("event_id"), "event_id");
  EXPECT_EQ(QuoteNameIfNeeded("Order"), "\"Order\"");
  EXPECT_EQ(QuoteNameIfNeeded("a b\"c"), "\"a b\"\"c\"");
  EXPECT_EQ(QuoteNameIfNeeded("größe"), "\"größe\"");
  EXPECT_EQ(QuoteNameIfNeeded("1x"), "\"1x\"");
  EXPECT_EQ(QuoteString("it's"), "'it''s'");
}

// Random text: any bytes, and pieces that open and close quotes. Nothing crashes, every byte is
// found again.
TEST(LexerTest, AnyTextRoundTrips) {
  std::mt19937 random(20240517);
  const std::vector<std::string> pieces = {"'",
                                           "\"",
                                           "`",
                                           "--",
                                           "/*",
                                           "*/",
                                           "\\",
                                           "\n",
                                           "$$",
                                           "$a$",
                                           "r'",
                                           "E'",
                                           "x",
                                           "1",
                                           ".",
                                           "e",
                                           ";",
                                           " ",
                                           "é",
                                           "\xF0\x9F",
                                           "\xFF",
                                           "<=>",
                                           ">",
                                           "@v",
                                           "(",
                                           ")",
                                           "1L",
                                           "BD",
                                           "\\u12",
                                           "\\U0001F600",
                                           std::string(1, '\0')};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const size_t count = random() % 12;
    for (size_t i = 0; i < count; ++i) {
      text += random() % 8 == 0 ? std::string(1, static_cast<char>(random()))
                                : pieces[random() % pieces.size()];
    }
    ExpectRoundTrip(text, SqlDialect::kSpark);
    ExpectRoundTrip(text, SqlDialect::kDuckdb);
    (void)SplitStatements(text, SqlDialect::kSpark);
    (void)ClassifyInput(text, SqlDialect::kDuckdb);
  }
}

}  // namespace
}  // namespace tarn::dialect
