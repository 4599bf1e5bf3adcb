#include "codec/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/splitting_for_test.h"

namespace tarn::codec {
namespace {

using ::testing::ElementsAre;

std::vector<Taken> Read(const std::string& text, CsvOptions options = {}) {
  CsvSplitter splitter(options);
  return Split(splitter, text);
}

std::vector<std::string> Brief(const std::vector<Taken>& taken) {
  std::vector<std::string> out;
  for (const Taken& t : taken) out.push_back(t.rule.empty() ? t.bytes : t.rule + ":" + t.bytes);
  return out;
}

TEST(CsvSplitter, LineEndsAreToldApartPerFile) {
  EXPECT_THAT(Brief(Read("a,b\n1,2\n3,4\n")), ElementsAre("1,2", "3,4"));
  EXPECT_THAT(Brief(Read("a,b\r\n1,2\r\n3,4\r\n")), ElementsAre("1,2", "3,4"));
  EXPECT_THAT(Brief(Read("a,b\r1,2\r3,4\r")), ElementsAre("1,2", "3,4"));
  EXPECT_THAT(Brief(Read("a,b\n1,2\r\n3,4")), ElementsAre("1,2", "3,4"));
  // In an LF file a CR inside a field is data; in a CR file an LF is.
  EXPECT_THAT(Brief(Read("a,b\n1,x\ry\n")), ElementsAre("1,x\ry"));
  EXPECT_THAT(Brief(Read("a,b\r1,x\ny\r")), ElementsAre("1,x\ny"));
}

TEST(CsvSplitter, OffsetsAndLinesAreOfTheFile) {
  const auto taken = Read("\xEF\xBB\xBFid,text\r\n1,\"two\r\nlines\"\r\n\r\n2,x\r\n");
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].byte_offset, 12);
  EXPECT_EQ(taken[0].line, 2);
  EXPECT_EQ(taken[0].bytes, "1,\"two\r\nlines\"");
  EXPECT_EQ(taken[1].line, 5);
  EXPECT_EQ(taken[1].byte_offset, 30);
}

TEST(CsvSplitter, HeaderIsKeptWithoutTheMark) {
  CsvSplitter splitter(CsvOptions{});
  Split(splitter, "\xEF\xBB\xBFid,\"na\nme\"\n1,2\n");
  EXPECT_EQ(splitter.header(), "id,\"na\nme\"");
  EXPECT_EQ(splitter.field_count(), 2u);
}

TEST(CsvSplitter, WrongFieldCountIsBadWithBothCounts) {
  const auto taken = Read("a,b,c\n1,2\n1,2,3\n1,2,3,4\n");
  EXPECT_THAT(Brief(taken), ElementsAre("csv.field_count:1,2", "1,2,3", "csv.field_count:1,2,3,4"));
  EXPECT_EQ(taken[0].reason, "2 fields where 3 are expected (delimiter ',')");
}

TEST(CsvSplitter, LastRecordCutOff) {
  const auto taken = Read("a,b,c\r1,2,3\r4");
  EXPECT_THAT(Brief(taken), ElementsAre("1,2,3", "csv.cut_off:4"));
  EXPECT_EQ(taken[1].byte_offset, 12);
  EXPECT_EQ(taken[1].line, 3);
  EXPECT_THAT(Brief(Read("a,b\n1,\"x")), ElementsAre("csv.cut_off:1,\"x"));
  EXPECT_THAT(Brief(Read("a,b\r\n1,2\r\n3,4\r")), ElementsAre("1,2", "3,4"));
}

TEST(CsvSplitter, StrayQuoteCostsOnlyItsLine) {
  EXPECT_THAT(Brief(Read("a,b\n1,\"x\n2,y\n3,z\n")),
              ElementsAre("csv.unclosed_quote:1,\"x", "2,y", "3,z"));
  EXPECT_THAT(Brief(Read("a,b\n1,\"x\n2,\"y\"\n3,z\n")),
              ElementsAre("csv.quote:1,\"x", "2,\"y\"", "3,z"));
  EXPECT_THAT(Brief(Read("a,b\n1,\"x\"y\n3,z\n")), ElementsAre("csv.quote:1,\"x\"y", "3,z"));
  // A quote inside an unquoted field is data.
  EXPECT_THAT(Brief(Read("a,b\n1,5\" pipe\n")), ElementsAre("1,5\" pipe"));
}

TEST(CsvSplitter, TooLongRecordIsPassedOverWithItsSize) {
  CsvOptions options;
  options.limits.max_record_bytes = 10;
  options.limits.keep_bad_bytes = 4;
  const auto taken =
      Read("a,b\n1," + std::string(100, 'x') + "\r\n2,y\n12345678,1\n123456789,1\n", options);
  ASSERT_EQ(taken.size(), 4u);
  EXPECT_EQ(taken[0].rule, "record.too_long");
  EXPECT_EQ(taken[0].bytes, "1,xx");
  EXPECT_EQ(taken[0].size, 102u);
  EXPECT_EQ(taken[1].bytes, "2,y");
  EXPECT_EQ(taken[2].bytes, "12345678,1");
  EXPECT_EQ(taken[3].rule, "record.too_long");
}

TEST(CsvSplitter, LongFieldWithUnclosedQuoteCostsItsLine) {
  CsvOptions options;
  options.limits.max_record_bytes = 20;
  EXPECT_THAT(Brief(Read("a,b\n1,\"x\n2,y\n3,z\n4,z\n5,z\n6,z\n7,z\n", options)),
              ElementsAre("csv.unclosed_quote:1,\"x", "2,y", "3,z", "4,z", "5,z", "6,z", "7,z"));
}

TEST(CsvSplitter, BlankLinesAndSingleColumns) {
  CsvSplitter splitter(CsvOptions{});
  EXPECT_EQ(Split(splitter, "a,b\n\n1,2\n\n\n").size(), 1u);
  EXPECT_EQ(splitter.blank_lines(), 3u);
  EXPECT_THAT(Brief(Read("a\n1\n\n2\n")), ElementsAre("1", "", "2"));
  EXPECT_TRUE(Read("").empty());
  EXPECT_TRUE(Read("a,b").empty());
}

TEST(CsvSplitter, WithoutHeaderTheFirstRecordSetsTheCount) {
  CsvOptions options;
  options.has_header = false;
  options.delimiter = ';';
  EXPECT_THAT(Brief(Read("1;2\n3\n", options)), ElementsAre("1;2", "csv.field_count:3"));
}

std::string RandomField(SeededRandom& random) {
  static const std::vector<std::string> kPieces = {"a",  "\xC3\xA4", ",", "\"\"",
                                                   "\n", "\r\n",     " ", "x1"};
  std::string inside;
  bool quoted = random.Uniform(3) == 0;
  for (uint64_t i = random.Uniform(5); i > 0; --i) {
    const std::string& piece = kPieces[random.Uniform(quoted ? kPieces.size() : 2)];
    inside += piece;
  }
  return quoted ? "\"" + inside + "\"" : inside;
}

TEST(CsvSplitterProperty, WellFormedRecordsComeBackExactly) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    const std::string line_end = seed % 2 != 0 ? "\n" : "\r\n";
    std::string text = "h1,h2,h3" + line_end;
    std::vector<std::string> expected;
    for (int i = 0; i < 20; ++i) {
      expected.push_back(RandomField(random) + "," + RandomField(random) + "," +
                         RandomField(random));
      text += expected.back() + line_end;
    }
    EXPECT_EQ(Brief(Read(text)), expected) << "seed " << seed;
  }
}

TEST(CsvSplitterProperty, LawsHoldForAnyBytes) {
  static constexpr char kAlphabet[] = "ab,\"\"\n\r\n,;";
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    SeededRandom random(seed);
    std::string text = seed % 5 == 0 ? "\xEF\xBB\xBF" : "";
    for (uint64_t i = random.Uniform(120); i > 0; --i) text += kAlphabet[random.Uniform(10)];
    CsvOptions options;
    options.has_header = seed % 3 != 0;
    options.limits.max_record_bytes = seed % 2 != 0 ? 1000 : 12;
    options.limits.keep_bad_bytes = seed % 4 == 0 ? 5 : 1000;
    CsvSplitter probe(options);
    Split(probe, text);
    const std::string allowed = "\r\n\xEF\xBB\xBF";
    // The header is no record; the gap before the first record holds it.
    const std::string separators = options.has_header ? allowed + "ab,\";" : allowed;
    CheckSplitterLaws(
        text, seed, separators,
        [&](SplitState state) { return std::make_unique<CsvSplitter>(options, state); },
        [&](bool held, const std::string& what) {
          EXPECT_TRUE(held) << what << " seed " << seed << " text "
                            << ::testing::PrintToString(text);
        });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ParseCsvRecord, Fields) {
  EXPECT_THAT(ParseCsvRecord("a,b,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ParseCsvRecord(""), ElementsAre(""));
  EXPECT_THAT(ParseCsvRecord("a,,"), ElementsAre("a", "", ""));
  EXPECT_THAT(ParseCsvRecord("\"a,\"\"b\"\"\r\n\",\"\",x"), ElementsAre("a,\"b\"\r\n", "", "x"));
  EXPECT_THAT(ParseCsvRecord("\"a\"b,c"), ElementsAre("ab", "c"));
  EXPECT_THAT(ParseCsvRecord("\"open,x"), ElementsAre("open,x"));
  EXPECT_THAT(ParseCsvRecord("5\" pipe;2", ';'), ElementsAre("5\" pipe", "2"));
}

TEST(SniffCsv, DelimiterAndHeader) {
  const auto sniff = [](const std::string& head) { return SniffCsv(head, {}, {}); };
  EXPECT_EQ(sniff("a;b;c\n1,5;2,5;3\n1,0;2,0;4\n").delimiter, ';');
  EXPECT_EQ(sniff("a\tb\n1,1\t2\n").delimiter, '\t');
  EXPECT_EQ(sniff("a|b\rx|y\r").delimiter, '|');
  EXPECT_EQ(sniff("name\nx\n").delimiter, ',');
  EXPECT_EQ(sniff("a,\"b;c;d;e;f\"\n1,\"x;y\"\n").delimiter, ',');
  EXPECT_TRUE(sniff("id,name\n1,x\n2,y\n").has_header);
  EXPECT_FALSE(sniff("1,x\n2,y\n3,z\n").has_header);
  EXPECT_FALSE(sniff("x,2024-01-01\ny,2024-01-02\n").has_header);
  EXPECT_TRUE(sniff("region,2019,2020\nnorth,a,b\n").has_header);
  EXPECT_TRUE(SniffCsv("1,x\n2,y\n", {}, true).has_header);
}

}  // namespace
}  // namespace tarn::codec
