#include "cli/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cli/text_width.h"

namespace tarn::cli {
namespace {

const std::vector<ColumnHead> kHeads = {{"name", "VARCHAR", false}, {"n", "BIGINT", true}};

std::string Render(OutputFormat format, const std::vector<TextRow>& rows, size_t wide = 0,
                   uint64_t max_rows = 0) {
  std::ostringstream out;
  RenderTextRows({format, wide, max_rows}, kHeads, rows, out);
  return out.str();
}

TEST(TableForm, AlignsByDisplayWidthAndShowsNull) {
  EXPECT_EQ(Render(OutputFormat::kTable, {{"日本", "7"}, {"é", std::nullopt}}),
            " name │    n\n"
            "──────┼──────\n"
            " 日本 │    7\n"
            " é    │ NULL\n"
            "(2 rows)\n");
}

TEST(TableForm, NoRowsStillHasItsHead) {
  EXPECT_EQ(Render(OutputFormat::kTable, {}), " name │ n\n──────┼───\n(0 rows)\n");
}

TEST(TableForm, ControlCharactersCannotReachTheTerminal) {
  const std::string text = Render(OutputFormat::kTable, {{"a\nb\x1b[2J\t", "1"}});
  EXPECT_NE(text.find("a\\nb\\x1b[2J\\t"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(TableForm, WidestColumnIsShortenedToFit) {
  const std::string text = Render(OutputFormat::kTable, {{std::string(100, 'x'), "12345"}}, 30);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && line[0] != '(';) {
    EXPECT_LE(DisplayWidth(line), 30u) << line;
  }
  EXPECT_NE(text.find("12345"), std::string::npos);
  EXPECT_NE(text.find("…"), std::string::npos);
}

TEST(TableForm, ColumnsThatDoNotFitAreNamed) {
  std::vector<ColumnHead> heads;
  TextRow row;
  for (int i = 0; i < 20; ++i) {
    heads.push_back({"column_" + std::to_string(i), "VARCHAR", false});
    row.push_back("value of " + std::to_string(i));
  }
  std::ostringstream out;
  RenderTextRows({OutputFormat::kTable, 40, 0}, heads, {row}, out);
  EXPECT_NE(out.str().find("more columns: "), std::string::npos);
  EXPECT_NE(out.str().find("column_19"), std::string::npos);
}

TEST(TableForm, RowsBeyondTheLimitAreCountedNotShown) {
  std::vector<TextRow> rows(1500, TextRow{"a", "1"});
  const std::string text = Render(OutputFormat::kTable, rows, 0, 3);
  EXPECT_NE(text.find("(1,500 rows, the first 3 shown)"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
}

TEST(TableForm, MoreRowsThanTheSampleAreAllPrinted) {
  std::vector<TextRow> rows(2500, TextRow{"a", "1"});
  const std::string text = Render(OutputFormat::kTable, rows);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2503);
}

TEST(CsvForm, QuotesAsRfc4180AndTellsEmptyFromNull) {
  EXPECT_EQ(Render(OutputFormat::kCsv,
                   {{"a,b", "1"}, {"say \"hi\"", std::nullopt}, {"", "2"}, {"x\ny", "3"}}),
            "name,n\r\n\"a,b\",1\r\n\"say \"\"hi\"\"\",\r\n\"\",2\r\n\"x\ny\",3\r\n");
}

TEST(JsonForm, ArrayAndLines) {
  EXPECT_EQ(Render(OutputFormat::kJson, {{"a\"\n", "1"}, {"b", std::nullopt}}),
            "[\n  {\"name\": \"a\\\"\\n\", \"n\": 1},\n  {\"name\": \"b\", \"n\": null}\n]\n");
  EXPECT_EQ(Render(OutputFormat::kJson, {}), "[]\n");
  EXPECT_EQ(Render(OutputFormat::kNdjson, {{"a", "1"}}), "{\"name\": \"a\", \"n\": 1}\n");
}

TEST(JsonForm, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(JsonString("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(JsonString("\xE6\x97"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(MarkdownForm, EscapesPipes) {
  EXPECT_EQ(Render(OutputFormat::kMarkdown, {{"a|b", "1"}}),
            "| name | n |\n|---|--:|\n| a\\|b | 1 |\n");
}

TEST(Formats, UnknownNameGetsTheNearest) {
  EXPECT_EQ(*ParseOutputFormat("csv"), OutputFormat::kCsv);
  const auto unknown = ParseOutputFormat("jsonn");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.status().message().find("did you mean 'json'?"), std::string::npos);
}

TEST(TextWidth, CountsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("日本語"), 6u);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1u);  // e and a combining accent
  EXPECT_EQ(DisplayWidth("😀"), 2u);
  EXPECT_EQ(FitWidth("日本語", 4), "日…");
  EXPECT_EQ(FitWidth("abc", 3), "abc");
}

}  // namespace
}  // namespace tarn::cli
