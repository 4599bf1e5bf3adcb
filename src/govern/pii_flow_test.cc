#include "govern/pii_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::govern {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LineageColumn Column(const std::string& name, std::vector<LineageEdge> edges) {
  LineageColumn column;
  column.name = name;
  column.edges = std::move(edges);
  return column;
}

LineageEdge From(SourceColumn from, EdgeKind kind = EdgeKind::kIdentity) {
  LineageEdge edge;
  edge.from = std::move(from);
  edge.kind = kind;
  return edge;
}

std::vector<std::string> Classes(const PiiFlow& flow, const SourceColumn& column) {
  std::vector<std::string> names;
  for (const PiiTrail& trail : flow.TrailsTo(column)) names.push_back(trail.pii_class);
  return names;
}

TEST(PiiFlow, FollowsValuesAndNothingElse) {
  PiiFlow flow;
  flow.Declare({"bronze.users", "Email", {}}, "email");
  LineageEdge masked = From({"bronze.users", "email", {}}, EdgeKind::kTransformation);
  masked.masked = true;
  masked.value = false;
  LineageEdge counted = From({"bronze.users", "email", {}}, EdgeKind::kAggregation);
  counted.value = false;
  LineageEdge window = From({"bronze.users", "email", {}}, EdgeKind::kWindow);
  window.value = true;  // whatever it claims: an order shows no value
  flow.SetLineage(
      "silver.users",
      {{Column("mail", {From({"BRONZE.users", "EMAIL", {}}, EdgeKind::kTransformation)}),
        Column("token", {masked}), Column("n", {counted}), Column("rank", {window})},
       {}});
  EXPECT_THAT(Classes(flow, {"silver.users", "MAIL", {}}), ElementsAre("email"));
  for (const char* name : {"token", "n", "rank", "nobody"}) {
    EXPECT_THAT(Classes(flow, {"silver.users", name, {}}), IsEmpty()) << name;
  }
  EXPECT_EQ(flow.TrailsInto("silver.users").size(), 1u);
}

TEST(PiiFlow, PartsTouchWhatHoldsThemAndNotTheirSiblings) {
  PiiFlow flow;
  flow.Declare({"b.raw", "payload", {"user", "email"}}, "email");
  EXPECT_THAT(Classes(flow, {"b.raw", "payload", {}}), ElementsAre("email"));
  EXPECT_THAT(Classes(flow, {"b.raw", "payload", {"user"}}), ElementsAre("email"));
  EXPECT_THAT(Classes(flow, {"b.raw", "payload", {"user", "EMAIL", "domain"}}),
              ElementsAre("email"));
  EXPECT_THAT(Classes(flow, {"b.raw", "payload", {"user", "id"}}), IsEmpty());
  EXPECT_THAT(Classes(flow, {"b.raw", "payload", {"email"}}), IsEmpty());
}

TEST(PiiFlow, WhatTheProjectAnswersForStopsHere) {
  PiiFlow flow;
  flow.Declare({"b.users", "email", {}}, "email");
  flow.SetLineage("s.a", {{Column("x", {From({"b.users", "email", {}})})}, {}});
  flow.SetLineage("s.b", {{Column("y", {From({"s.a", "x", {}})})}, {}});
  EXPECT_THAT(Classes(flow, {"s.b", "y", {}}), ElementsAre("email"));
  flow.Clear({"s.a", "x", {}});
  EXPECT_THAT(Classes(flow, {"s.b", "y", {}}), IsEmpty());
}

TEST(PiiFlow, ATableThatReadsItselfIsFollowedWhole) {
  PiiFlow flow;
  flow.Declare({"b.users", "email", {}}, "email");
  // a <- own b, b <- own a and the source: whichever is asked first.
  const auto lineage = [] {
    return QueryLineage{{Column("a", {From({"s.t", "b", {}})}),
                         Column("b", {From({"s.t", "a", {}}), From({"b.users", "email", {}})})},
                        {}};
  };
  for (const char* first : {"a", "b"}) {
    flow.SetLineage("s.t", lineage());
    EXPECT_THAT(Classes(flow, {"s.t", first, {}}), ElementsAre("email"));
    EXPECT_THAT(Classes(flow, {"s.t", "a", {}}), ElementsAre("email"));
    EXPECT_THAT(Classes(flow, {"s.t", "b", {}}), ElementsAre("email"));
  }
}

TEST(UnkeyedHashIn, NamesTheFunction) {
  EXPECT_EQ(UnkeyedHashIn("upper(md5(x))"), "md5");
  EXPECT_EQ(UnkeyedHashIn("sha256(x)"), "sha256");
  EXPECT_EQ(UnkeyedHashIn("my_md5(x) || md5sum"), "");
}

}  // namespace
}  // namespace tarn::govern
